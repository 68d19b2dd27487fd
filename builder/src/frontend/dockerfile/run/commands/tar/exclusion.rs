//! *Exclusions*: the patterns of `--exclude` that GNU tar and busybox understand alike.

use super::super::super::options::CommandArguments;
use super::super::super::status::CommandRefusal;

/// A pattern of `--exclude`. It matches a name, or the end of one behind a slash, and everything
/// below what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exclusion<'p> {
    Name(&'p str),
    /// `*.o`
    Ending(&'p str),
    /// `cache*`
    Beginning(&'p str),
}

impl<'p> Exclusion<'p> {
    /// Parses all patterns of a command.
    pub(super) fn parse_all(arguments: &'p CommandArguments) -> Result<Vec<Self>, CommandRefusal> {
        let patterns = arguments.values("exclude").map(|pattern| {
            Self::parse(pattern).ok_or_else(|| {
                let message = format!("the pattern `--exclude={pattern}` is not evaluated");
                CommandRefusal::new(message).help(
                    "name a file or directory, without `./` or `/` in front, or write `*.ending` \
                     or `beginning*`",
                )
            })
        });
        patterns.collect()
    }

    fn parse(pattern: &'p str) -> Option<Self> {
        let parsed = match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            (Some(ending), None) => Self::Ending(ending),
            (None, Some(beginning)) => Self::Beginning(beginning),
            (None, None) => Self::Name(pattern),
            (Some(_), Some(_)) => return None,
        };
        let (Self::Name(text) | Self::Ending(text) | Self::Beginning(text)) = parsed;
        let is_odd = text.contains(['*', '?', '[', '\\']) || text.is_empty();
        let is_anchored = pattern.starts_with(['/', '.']) && pattern.contains('/');
        let has_slash = text.contains('/') && parsed != Self::Name(text);
        (!is_odd && !is_anchored && !has_slash && !text.ends_with('/')).then_some(parsed)
    }

    /// Returns whether the member with this name is left out; those above it are not.
    pub(super) fn matches(self, name: &str) -> bool {
        let last = name.rsplit('/').next().unwrap_or_default();
        match self {
            Self::Name(own) => {
                name == own || name.strip_suffix(own).is_some_and(|rest| rest.ends_with('/'))
            }
            Self::Ending(ending) => last.ends_with(ending),
            Self::Beginning(beginning) => last.starts_with(beginning),
        }
    }
}
