//! A *scope* has the variables that an instruction sees: those of `FROM` lines are global, a stage
//! has its own (`moby/buildkit frontend/dockerfile/dockerfile2llb`: `defaultArgs`, `buildMetaArgs`,
//! `dispatchArg`).
//!
//! Within a stage `ARG` and `ENV` set the same variables, and the last instruction wins. That only
//! `ENV` reaches the image is not a matter of scope.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::oci::image::platform::Platform;

/// Global variables: arguments, with the values of `--build-arg`, and those of the platforms.
#[derive(Debug)]
pub(crate) struct GlobalScope {
    build_args: BTreeMap<String, String>,
    globals: BTreeMap<String, String>,
    /// Every name that an `ARG` of any stage declared. Stages add to it while they are evaluated.
    declared: RefCell<BTreeSet<String>>,
}

/// The variables of one stage.
#[derive(Debug, Clone)]
pub(crate) struct StageScope<'a> {
    scope: &'a GlobalScope,
    values: BTreeMap<String, String>,
    /// Names that an `ARG` of the stage declared, with or without a value.
    declared: BTreeSet<String>,
}

/// Variables that `RUN` sees under both spellings as soon as `--build-arg` gives one of them.
const PROXIES: [&str; 5] = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

impl GlobalScope {
    /// Returns the scope before the first instruction. `target_stage` is empty for the last stage.
    pub(crate) fn new(
        target: &Platform,
        build: &Platform,
        target_stage: &str,
        build_args: &BTreeMap<String, String>,
    ) -> Self {
        let stage = if target_stage.is_empty() { "default" } else { target_stage };
        let mut globals = BTreeMap::from([("TARGETSTAGE".to_owned(), stage.to_owned())]);
        for (side, platform) in [("TARGET", target), ("BUILD", build)] {
            let variables = [
                ("PLATFORM", platform.to_string()),
                ("OS", platform.os.clone()),
                ("OSVERSION", String::new()),
                ("ARCH", platform.architecture.clone()),
                ("VARIANT", platform.variant.clone().unwrap_or_default()),
            ];
            globals.extend(variables.map(|(name, value)| (format!("{side}{name}"), value)));
        }
        for (name, value) in &mut globals {
            if let Some(given) = build_args.get(name) {
                value.clone_from(given);
            }
        }
        let declared = RefCell::new(globals.keys().cloned().collect());
        Self { build_args: build_args.clone(), globals, declared }
    }

    /// Declares an `ARG` before the first `FROM`, with its default already expanded. Without a
    /// default and `--build-arg`, an earlier value stays.
    pub(crate) fn declare_global(&mut self, name: &str, default: Option<String>) {
        self.declared.get_mut().insert(name.into());
        if let Some(value) = self.build_args.get(name).cloned().or(default) {
            self.globals.insert(name.into(), value);
        }
    }

    /// Returns the value that `FROM` and the defaults of global arguments see.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.globals.get(name).cloned()
    }

    /// Returns the names of the variables that have a value.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.globals.keys().map(String::as_str)
    }

    /// Returns the scope of a stage on an image, which sees only what it declares.
    pub(crate) fn new_stage(&self) -> StageScope<'_> {
        StageScope { scope: self, values: BTreeMap::new(), declared: BTreeSet::new() }
    }

    /// Returns the names of `--build-arg` that no `ARG` has declared so far and that are not
    /// predefined: most likely they are misspelt.
    pub(crate) fn unused_build_args(&self) -> Vec<String> {
        let declared = self.declared.borrow();
        let unused = |name: &&String| !declared.contains(*name) && !needs_no_declaration(name);
        self.build_args.keys().filter(unused).cloned().collect()
    }
}

impl StageScope<'_> {
    /// Returns the scope of a stage on this one, which inherits the arguments too.
    pub(crate) fn derive(&self) -> Self {
        self.clone()
    }

    /// Declares an `ARG`, with its default already expanded. `--build-arg` overrides the default,
    /// and the default a global argument of the same name.
    pub(crate) fn declare_arg(&mut self, name: &str, default: Option<String>) {
        self.scope.declared.borrow_mut().insert(name.into());
        self.declared.insert(name.into());
        let given = self.scope.build_args.get(name).cloned();
        if let Some(value) = given.or(default).or_else(|| self.scope.get(name)) {
            self.values.insert(name.into(), value);
        }
    }

    /// Sets a variable of `ENV`, with its value already expanded, or one of the base image.
    pub(crate) fn set_env(&mut self, name: &str, value: String) {
        self.values.insert(name.into(), value);
    }

    /// Returns the value that the next instruction sees.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.values.get(name).cloned()
    }

    /// Returns the names of the variables that have a value.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Returns whether an `ARG` of the stage declared a name.
    pub(crate) fn declares(&self, name: &str) -> bool {
        self.declared.contains(name)
    }

    /// Returns whether a name has a value in front of the first `FROM`, which the stage does not see.
    pub(crate) fn is_global(&self, name: &str) -> bool {
        self.scope.get(name).is_some()
    }

    /// Returns the environment of `RUN`: what instructions see, and the proxies of `--build-arg`.
    pub(crate) fn run_environment(&self) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::new();
        for (name, value) in self.scope.build_args.iter().filter(|(name, _)| is_proxy(name)) {
            variables.insert(name.to_ascii_uppercase(), value.clone());
            variables.insert(name.to_ascii_lowercase(), value.clone());
        }
        variables.extend(self.values.clone());
        variables
    }
}

fn is_proxy(name: &str) -> bool {
    PROXIES.iter().any(|proxy| proxy.eq_ignore_ascii_case(name))
}

/// Returns whether an argument is predefined: a proxy, or an argument for the builder itself.
fn needs_no_declaration(name: &str) -> bool {
    is_proxy(name) || name.starts_with("BUILDKIT_") || name == "SOURCE_DATE_EPOCH"
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILD_ARGS: &[(&str, &str)] =
        &[("given", "G"), ("https_proxy", "p"), ("BUILDKIT_INLINE_CACHE", "1"), ("TARGETOS", "os")];

    fn scope() -> GlobalScope {
        let args = BUILD_ARGS.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let target = "linux/arm/v7".parse().unwrap();
        let build = "linux/amd64".parse().unwrap();
        let mut scope = GlobalScope::new(&target, &build, "", &args.collect());
        scope.declare_global("global", Some("g".into()));
        scope.declare_global("empty", None);
        scope
    }

    #[test]
    fn global_arguments() {
        let mut scope = scope();
        scope.declare_global("given", Some("default".into()));
        scope.declare_global("TARGETARCH", None);
        scope.declare_global("TARGETVARIANT", Some("v6".into()));
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(scope.get(name).as_deref(), expected, "{name}");
        };
        check("global", Some("g"));
        check("given", Some("G"));
        check("empty", None);
        check("https_proxy", None);
        check("BUILDPLATFORM", Some("linux/amd64"));
        check("BUILDOS", Some("linux"));
        check("BUILDOSVERSION", Some(""));
        check("BUILDARCH", Some("amd64"));
        check("BUILDVARIANT", Some(""));
        check("TARGETPLATFORM", Some("linux/arm/v7"));
        check("TARGETOS", Some("os"));
        check("TARGETOSVERSION", Some(""));
        check("TARGETARCH", Some("arm"));
        check("TARGETVARIANT", Some("v6"));
        check("TARGETSTAGE", Some("default"));

        let amd64 = "linux/amd64".parse().unwrap();
        let named = GlobalScope::new(&amd64, &amd64, "final", &BTreeMap::new());
        assert_eq!(named.get("TARGETSTAGE").as_deref(), Some("final"));
    }

    /// Runs `ARG name`, `ARG name=value` and `ENV name=value` and looks a variable up.
    #[test]
    fn the_last_instruction_wins() {
        let scope = scope();
        let check = |instructions: &[&str], name: &str, expected: Option<&str>| {
            let mut stage = scope.new_stage();
            for instruction in instructions {
                let (keyword, pair) = instruction.split_once(' ').unwrap();
                match (keyword, pair.split_once('=')) {
                    ("ARG", None) => stage.declare_arg(pair, None),
                    ("ARG", Some((name, value))) => stage.declare_arg(name, Some(value.into())),
                    (_, pair) => stage.set_env(pair.unwrap().0, pair.unwrap().1.into()),
                }
            }
            assert_eq!(stage.get(name).as_deref(), expected, "{instructions:?}");
            assert_eq!(stage.derive().get(name).as_deref(), expected, "{instructions:?}");
            assert_eq!(stage.run_environment().get(name).map(String::as_str), expected);
        };
        check(&[], "global", None);
        check(&[], "TARGETARCH", None);
        check(&[], "given", None);
        check(&["ARG global"], "global", Some("g"));
        check(&["ARG global=own"], "global", Some("own"));
        check(&["ARG TARGETARCH"], "TARGETARCH", Some("arm"));
        check(&["ARG TARGETARCH=own"], "TARGETARCH", Some("own"));
        check(&["ARG TARGETOS=own"], "TARGETOS", Some("os"));
        check(&["ARG given"], "given", Some("G"));
        check(&["ARG given=default"], "given", Some("G"));
        check(&["ARG empty"], "empty", None);
        check(&["ARG x=1", "ARG x"], "x", Some("1"));
        check(&["ARG x=1", "ARG x=2"], "x", Some("2"));
        check(&["ENV x=1", "ARG x"], "x", Some("1"));
        check(&["ENV x=1", "ARG x=2"], "x", Some("2"));
        check(&["ARG x=2", "ENV x=1"], "x", Some("1"));
        check(&["ENV given=1", "ARG given"], "given", Some("G"));
        check(&["ARG given", "ENV given=1"], "given", Some("1"));
        check(&["ENV global=1", "ARG global"], "global", Some("g"));
    }

    #[test]
    fn a_child_does_not_change_its_parent() {
        let scope = scope();
        let mut parent = scope.new_stage();
        parent.declare_arg("x", Some("1".into()));
        let mut child = parent.derive();
        child.set_env("x", "2".into());
        child.declare_arg("y", None);
        assert_eq!(parent.get("x").as_deref(), Some("1"));
    }

    #[test]
    fn proxies_reach_run_undeclared() {
        let scope = scope();
        let mut stage = scope.new_stage();
        assert_eq!(stage.get("https_proxy"), None);
        stage.set_env("HTTPS_PROXY", "own".into());
        let expected = [("HTTPS_PROXY", "own"), ("https_proxy", "p")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(stage.run_environment(), BTreeMap::from(expected));
        stage.declare_arg("https_proxy", None);
        assert_eq!(stage.get("https_proxy").as_deref(), Some("p"));
    }

    #[test]
    fn what_no_stage_declares_is_unused() {
        let scope = scope();
        assert_eq!(scope.unused_build_args(), ["given"]);
        scope.new_stage().declare_arg("other", None);
        scope.new_stage().set_env("given", "x".into());
        assert_eq!(scope.unused_build_args(), ["given"]);
        scope.new_stage().derive().declare_arg("given", None);
        assert_eq!(scope.unused_build_args(), [""; 0]);
    }
}
