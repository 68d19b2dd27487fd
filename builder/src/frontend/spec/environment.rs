//! The *environment* of an image is made of what the user sets under `env` and of the labels under
//! `kubevirt`, which CDI finds there when it imports the image.

use std::collections::BTreeMap;

use super::located::{Entries, Text};
use super::types::Kubevirt;
use crate::cluster::contract::labels::{
    LabelError, REPORT_LIMIT, check_key, check_value, env_for_label, label_for_env, report_size,
};
use crate::recipe::diagnostic::{Diagnostic, Span};

/// What is set at the top of the file and what is set for the platform, which goes before it.
#[derive(Debug)]
pub(super) struct Layered<'s, T> {
    pub(super) top: Option<&'s T>,
    pub(super) own: Option<&'s T>,
}

impl<'s, T> Layered<'s, Entries<T>> {
    /// Merges key by key, in the order of the keys.
    pub(super) fn merged(&self) -> impl Iterator<Item = (&'s Text, &'s T)> + use<'s, T> {
        let both = [self.top, self.own].into_iter().flatten().flat_map(|entries| &entries.0);
        let merged: BTreeMap<&str, (&Text, &T)> =
            both.map(|(key, value)| (key.value.as_str(), (key, value))).collect();
        merged.into_values()
    }
}

impl<'s> Layered<'s, Kubevirt> {
    fn field(&self, of: impl Fn(&'s Kubevirt) -> Option<&'s Text>) -> Option<&'s Text> {
        self.own.and_then(&of).or_else(|| self.top.and_then(&of))
    }

    /// The settings that have a key of their own, by the label each of them means:
    /// `staging/src/kubevirt.io/api/instancetype/register.go` in KubeVirt.
    fn named(&self) -> [(&'static str, Option<&'s Text>); 4] {
        [
            ("default-instancetype", self.field(|k| k.instancetype.as_ref())),
            ("default-instancetype-kind", self.field(|k| k.instancetype_kind.as_ref())),
            ("default-preference", self.field(|k| k.preference.as_ref())),
            ("default-preference-kind", self.field(|k| k.preference_kind.as_ref())),
        ]
    }

    fn labels(&self) -> Layered<'s, Entries<Text>> {
        let of = |kubevirt: &'s Kubevirt| kubevirt.labels.as_ref();
        Layered { top: self.top.and_then(of), own: self.own.and_then(of) }
    }
}

/// Returns the variables of one platform's image.
pub(super) fn environment(
    kubevirt: &Layered<'_, Kubevirt>,
    env: &Layered<'_, Entries<Text>>,
    problems: &mut Vec<Diagnostic>,
) -> BTreeMap<String, String> {
    let mut environment =
        Environment { problems, variables: BTreeMap::new(), set: BTreeMap::new() };
    for (name, value) in kubevirt.named() {
        let key = format!("instancetype.kubevirt.io/{name}");
        if let Some(value) = value {
            environment.label(&key, &value.span, value);
        }
    }
    for (key, value) in kubevirt.labels().merged() {
        environment.label(&key.value, &key.span, value);
    }
    for (name, value) in env.merged() {
        environment.variable(name, value);
    }
    environment.check_size();
    environment.variables
}

struct Environment<'s, 'p> {
    problems: &'p mut Vec<Diagnostic>,
    variables: BTreeMap<String, String>,
    /// Labels that CDI will make of the variables, with their values and where they are set.
    set: BTreeMap<String, (&'s str, &'s Span)>,
}

impl<'s> Environment<'s, '_> {
    fn label(&mut self, key: &str, place: &'s Span, value: &'s Text) {
        let variable = env_for_label(key).map_err(|error| self.refuse(&error, place));
        let value_checked =
            check_value(&value.value).map_err(|error| self.refuse(&error, &value.span));
        if let (Ok(variable), Ok(())) = (variable, value_checked)
            && self.claim(key, place, value)
        {
            self.variables.insert(variable, value.value.clone());
        }
    }

    fn variable(&mut self, name: &'s Text, value: &'s Text) {
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
                            reason(&error)
                        )),
                );
                return;
            }
            if let Err(error) = check_value(&value.value) {
                self.refuse(&error, &value.span);
                return;
            }
            if !self.claim(&label, &name.span, value) {
                return;
            }
        }
        self.variables.insert(name.value.clone(), value.value.clone());
    }

    /// Takes a label, unless it is taken.
    fn claim(&mut self, label: &str, place: &'s Span, value: &'s Text) -> bool {
        let Some((_, other)) = self.set.get(label) else {
            self.set.insert(label.into(), (&value.value, place));
            return true;
        };
        let (first, second) =
            if other.range.start < place.range.start { (*other, place) } else { (place, *other) };
        let (line, _) = first.line_column();
        self.problems.push(
            Diagnostic::new(format!("the label `{label}` is set twice"))
                .at(second.clone())
                .help(format!("it is also set on line {line}; keep one of them")),
        );
        false
    }

    fn refuse(&mut self, error: &LabelError, place: &Span) {
        self.problems.push(Diagnostic::new(error.to_string()).at(place.clone()).help(error.help()));
    }

    fn check_size(&mut self) {
        let labels = self.set.iter().map(|(key, (value, _))| (key.as_str(), *value));
        let size = report_size(labels);
        // The last label in the file is the one that was added when it became too much.
        let last = self.set.values().map(|(_, place)| *place).max_by_key(|place| place.range.start);
        if let Some(last) = last.filter(|_| size > REPORT_LIMIT) {
            self.problems.push(
                Diagnostic::new(format!(
                    "the labels are too long for CDI: {size} bytes of {REPORT_LIMIT}"
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

fn reason(error: &LabelError) -> &'static str {
    match error {
        LabelError::Key { reason, .. }
        | LabelError::Value { reason, .. }
        | LabelError::Inexpressible { reason, .. } => reason,
    }
}

fn check_variable(name: &Text, value: &Text) -> Result<(), Diagnostic> {
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
