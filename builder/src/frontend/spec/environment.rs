//! The *environment* of an image consists of the variables under `env` and of the labels under
//! `kubevirt`, which CDI reads from the environment when it imports the image. Labels and annotations
//! are merged as it is.

use std::collections::BTreeMap;

use super::content::KubevirtSpec;
use super::located::{LocatedText, UserMapping};
use crate::cluster::contract::labels::{
    LabelError, REPORT_LEN_MAX, check_key, check_value, env_for_label, label_for_env, report_len,
};
use crate::recipe::diagnostic::{Diagnostic, Span};

/// A setting at the top of the file, and the platform's own setting, which overrides it.
#[derive(Debug)]
pub(super) struct Overridable<'s, T> {
    pub(super) top: Option<&'s T>,
    pub(super) own: Option<&'s T>,
}

impl<'s, T> Overridable<'s, UserMapping<T>> {
    /// Merges the settings by key, in the order of the keys.
    pub(super) fn merged(&self) -> impl Iterator<Item = (&'s LocatedText, &'s T)> + use<'s, T> {
        let both = [self.top, self.own].into_iter().flatten().flat_map(|entries| &entries.0);
        let merged: BTreeMap<&str, (&LocatedText, &T)> =
            both.map(|(key, value)| (key.value.as_str(), (key, value))).collect();
        merged.into_values()
    }
}

impl<'s> Overridable<'s, KubevirtSpec> {
    fn setting(
        &self,
        of: impl Fn(&'s KubevirtSpec) -> Option<&'s LocatedText>,
    ) -> Option<&'s LocatedText> {
        self.own.and_then(&of).or_else(|| self.top.and_then(&of))
    }

    /// Returns the settings that have keys of their own, by the names of their labels:
    /// `staging/src/kubevirt.io/api/instancetype/register.go` in KubeVirt.
    fn named_labels(&self) -> [(&'static str, Option<&'s LocatedText>); 4] {
        [
            ("default-instancetype", self.setting(|k| k.instancetype.as_ref())),
            ("default-instancetype-kind", self.setting(|k| k.instancetype_kind.as_ref())),
            ("default-preference", self.setting(|k| k.preference.as_ref())),
            ("default-preference-kind", self.setting(|k| k.preference_kind.as_ref())),
        ]
    }

    fn labels(&self) -> Overridable<'s, UserMapping<LocatedText>> {
        let of = |kubevirt: &'s KubevirtSpec| kubevirt.labels.as_ref();
        Overridable { top: self.top.and_then(of), own: self.own.and_then(of) }
    }
}

/// Returns labels or annotations, whose keys must not be empty ("string maps" in OCI); `noun` names
/// them in messages.
pub(super) fn lower_string_map(
    noun: &str,
    entries: &Overridable<'_, UserMapping<LocatedText>>,
    problems: &mut Vec<Diagnostic>,
) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    for (key, value) in entries.merged() {
        if key.value.is_empty() {
            problems.push(
                Diagnostic::new(format!("{noun} without a name"))
                    .at(key.span.clone())
                    .help("write one before the colon"),
            );
        }
        map.insert(key.value.clone(), value.value.clone());
    }
    map
}

/// Returns the environment variables of one platform's image.
pub(super) fn lower_environment(
    kubevirt: &Overridable<'_, KubevirtSpec>,
    env: &Overridable<'_, UserMapping<LocatedText>>,
    problems: &mut Vec<Diagnostic>,
) -> BTreeMap<String, String> {
    let mut environment =
        EnvironmentBuilder { problems, variables: BTreeMap::new(), set: BTreeMap::new() };
    for (name, value) in kubevirt.named_labels() {
        let key = format!("instancetype.kubevirt.io/{name}");
        if let Some(value) = value {
            environment.set_label(&key, &value.span, value);
        }
    }
    for (key, value) in kubevirt.labels().merged() {
        environment.set_label(&key.value, &key.span, value);
    }
    for (name, value) in env.merged() {
        environment.set_variable(name, value);
    }
    environment.check_size();
    environment.variables
}

struct EnvironmentBuilder<'s, 'p> {
    problems: &'p mut Vec<Diagnostic>,
    variables: BTreeMap<String, String>,
    /// Labels that CDI derives from the variables, with their values and the spans that set them.
    set: BTreeMap<String, (&'s str, &'s Span)>,
}

impl<'s> EnvironmentBuilder<'s, '_> {
    fn set_label(&mut self, key: &str, span: &'s Span, value: &'s LocatedText) {
        let variable = env_for_label(key).map_err(|error| self.report_label(&error, span));
        let value_checked =
            check_value(&value.value).map_err(|error| self.report_label(&error, &value.span));
        if let (Ok(variable), Ok(())) = (variable, value_checked)
            && self.claim_label(key, span, value)
        {
            self.variables.insert(variable, value.value.clone());
        }
    }

    fn set_variable(&mut self, name: &'s LocatedText, value: &'s LocatedText) {
        if let Err(problem) = check_variable(name, value) {
            self.problems.push(problem);
            return;
        }
        if let Some(label) = label_for_env(&name.value) {
            if let Err(error) = check_key(&label) {
                self.problems.push(
                    Diagnostic::new(format!("CDI makes the label `{label}` of this variable"))
                        .at(name.span.clone())
                        .help(format!(
                            "Kubernetes refuses it: {}; rename the variable",
                            label_error_reason(&error)
                        )),
                );
                return;
            }
            if let Err(error) = check_value(&value.value) {
                self.report_label(&error, &value.span);
                return;
            }
            if !self.claim_label(&label, &name.span, value) {
                return;
            }
        }
        self.variables.insert(name.value.clone(), value.value.clone());
    }

    /// Reserves a label; returns false and reports it if it is set already.
    fn claim_label(&mut self, label: &str, span: &'s Span, value: &'s LocatedText) -> bool {
        let Some((_, other)) = self.set.get(label) else {
            self.set.insert(label.into(), (&value.value, span));
            return true;
        };
        let (first, second) =
            if other.range.start < span.range.start { (*other, span) } else { (span, *other) };
        let (line, _) = first.line_column();
        self.problems.push(
            Diagnostic::new(format!("the label `{label}` is set twice"))
                .at(second.clone())
                .help(format!("it is also set on line {line}; keep one of them")),
        );
        false
    }

    fn report_label(&mut self, error: &LabelError, span: &Span) {
        self.problems.push(Diagnostic::new(error.to_string()).at(span.clone()).help(error.help()));
    }

    fn check_size(&mut self) {
        let labels = self.set.iter().map(|(key, (value, _))| (key.as_str(), *value));
        let size = report_len(labels);
        // The last label in the file is the one that exceeded the limit.
        let last = self.set.values().map(|(_, span)| *span).max_by_key(|span| span.range.start);
        if let Some(last) = last.filter(|_| size > REPORT_LEN_MAX) {
            self.problems.push(
                Diagnostic::new(format!(
                    "the labels are too long for CDI: {size} bytes of {REPORT_LEN_MAX}"
                ))
                .at(last.clone())
                .help(
                    "CDI reports all labels in one message of that size, or the import fails; \
                     remove some",
                ),
            );
        }
    }
}

fn label_error_reason(error: &LabelError) -> &'static str {
    match error {
        LabelError::Key { reason, .. }
        | LabelError::Value { reason, .. }
        | LabelError::Inexpressible { reason, .. } => reason,
    }
}

fn check_variable(name: &LocatedText, value: &LocatedText) -> Result<(), Diagnostic> {
    if name.value.is_empty() {
        return Err(Diagnostic::new("a variable without a name")
            .at(name.span.clone())
            .help("write one before the colon"));
    }
    if name.value.contains(['=', '\0']) {
        let name_shown = name.value.escape_debug();
        return Err(Diagnostic::new(format!("`{name_shown}` is not the name of a variable"))
            .at(name.span.clone())
            .help("write `NAME: value`; a name has no `=`"));
    }
    if value.value.contains('\0') {
        return Err(Diagnostic::new("the value has a NUL character")
            .at(value.span.clone())
            .help("no environment variable can hold one; remove it"));
    }
    Ok(())
}
