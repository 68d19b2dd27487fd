//! The *options* of the rules: `# check=skip=RULE,RULE;error=true`
//! (moby/buildkit `frontend/dockerfile/linter/linter.go`, `ParseLintOptions`).

use std::collections::BTreeSet;

use super::rules::{INVALID_DEFINITION_DESCRIPTION, LintRule};

/// Which rules are checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CheckOptions {
    skipped: RuleSelection,
    /// Rules that are not checked unless they are named.
    experimental: RuleSelection,
    /// `error=true`: the build fails if a rule is broken.
    pub(super) is_error: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum RuleSelection {
    All,
    Named(BTreeSet<String>),
}

impl Default for RuleSelection {
    fn default() -> Self {
        Self::Named(BTreeSet::new())
    }
}

impl RuleSelection {
    fn parse(text: &str) -> Self {
        match text.trim() {
            "all" => Self::All,
            names => Self::Named(names.split(',').map(|name| name.trim().to_owned()).collect()),
        }
    }

    fn contains(&self, rule: &LintRule) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(rule.name),
        }
    }

    fn add(&mut self, other: Self) {
        match (self, other) {
            (Self::Named(names), Self::Named(more)) => names.extend(more),
            (own, Self::All) => *own = Self::All,
            (Self::All, Self::Named(_)) => {}
        }
    }
}

impl CheckOptions {
    /// Parses `skip=…;experimental=…;error=…`; the error is a message.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut options = Self::default();
        if text.trim().is_empty() {
            return Ok(options);
        }
        for part in text.splitn(3, ';') {
            let (name, value) =
                part.split_once('=').ok_or_else(|| format!("invalid check option `{part}`"))?;
            match name.trim() {
                "skip" => options.skipped = RuleSelection::parse(value),
                "experimental" => options.experimental = RuleSelection::parse(value),
                "error" => {
                    let switch = parse_bool(value.trim());
                    options.is_error =
                        switch.ok_or_else(|| format!("failed to parse check option `{part}`"))?;
                }
                name => return Err(format!("invalid check option `{name}`")),
            }
        }
        Ok(options)
    }

    /// Returns the options with those in the comments in front of an instruction, of which the first
    /// counts.
    pub(super) fn with_comments(&self, comments: &[String]) -> Self {
        let mut options = self.clone();
        let values = comments.iter().filter_map(|comment| {
            let (name, value) = comment.split_once('=')?;
            name.trim().eq_ignore_ascii_case("check").then(|| value.trim())
        });
        let first = values
            .take(1)
            .filter_map(|value| Self::parse(value.split(' ').next().unwrap_or_default()).ok());
        for own in first {
            options.skipped.add(own.skipped);
            options.experimental.add(own.experimental);
        }
        options
    }

    /// Returns whether a rule is checked.
    pub(super) fn selects(&self, rule: &LintRule) -> bool {
        if *rule == INVALID_DEFINITION_DESCRIPTION {
            return self.experimental.contains(rule);
        }
        !self.skipped.contains(rule)
    }
}

/// Parses a switch as Go's `strconv.ParseBool` does.
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::{FROM_AS_CASING, UNDEFINED_VAR};
    use super::*;

    #[test]
    fn options_select_rules() {
        let check = |text: &str, comments: &[&str], expected: [bool; 4]| {
            let comments: Vec<String> = comments.iter().map(ToString::to_string).collect();
            let options = CheckOptions::parse(text).unwrap().with_comments(&comments);
            let rules = [&FROM_AS_CASING, &UNDEFINED_VAR, &INVALID_DEFINITION_DESCRIPTION];
            let [a, b, c] = rules.map(|rule| options.selects(rule));
            assert_eq!([a, b, c, options.is_error], expected, "{text} {comments:?}");
        };
        check("", &[], [true, true, false, false]);
        check("skip=all", &[], [false, false, false, false]);
        check("skip=FromAsCasing , Other;error=true", &[], [false, true, false, true]);
        check("error=1;skip=all;experimental=all", &[], [false, false, true, true]);
        check("experimental=InvalidDefinitionDescription", &[], [true, true, true, false]);
        check("", &["other", "check=skip=UndefinedVar why not"], [true, false, false, false]);
        check("skip=FromAsCasing", &["Check = skip=UndefinedVar"], [false, false, false, false]);
        check("", &["check=error=true"], [true, true, false, false]);
        check("", &["check=what", "check=skip=all"], [true, true, false, false]);
    }

    #[test]
    fn wrong_options_are_refused() {
        let check = |text: &str, expected: &str| {
            assert_eq!(CheckOptions::parse(text), Err(expected.to_owned()), "{text}");
        };
        check("skip", "invalid check option `skip`");
        check("error=maybe", "failed to parse check option `error=maybe`");
        check("what=1", "invalid check option `what`");
    }
}
