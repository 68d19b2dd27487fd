//! Why a text cannot be expanded.

use thiserror::Error;

/// Why a text cannot be expanded. The messages follow BuildKit's where it has one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExpandError {
    /// A quote is opened and not closed.
    #[error("unexpected end of statement while looking for matching {0}")]
    Quote(char),
    /// A `${` is not closed.
    #[error("syntax error: missing '}}'")]
    Brace,
    /// The pattern of `${name/pattern/replacement}` does not end.
    #[error("syntax error: missing '/' in ${{}}")]
    Slash,
    /// A `${` is not followed by a name.
    #[error("syntax error: bad substitution")]
    Name,
    /// What follows the name is none of the operators.
    #[error("unsupported modifier ({0}) in substitution")]
    Modifier(String),
    /// A backslash in a pattern precedes a character that needs none.
    #[error("invalid pattern ({0}) in substitution")]
    Pattern(String),
    /// `${name?message}` of a variable that is not set, or, with `:?`, empty.
    #[error("{name}: {message}")]
    Required {
        /// Name of the variable.
        name: String,
        /// Text after the `?`, or what is wrong.
        message: String,
    },
    /// A pattern is longer than the limit.
    #[error("a pattern of {0} bytes is too long")]
    LongPattern(usize),
    /// Substitutions are nested too deeply.
    #[error("substitutions are nested too deeply")]
    Deep,
    /// The values of one text are together larger than the limit.
    #[error("the values that are substituted are too long")]
    Long,
}

impl ExpandError {
    /// Returns the help line.
    #[must_use]
    pub(crate) fn help(&self) -> &'static str {
        match self {
            Self::Quote(_) => "close the quote, or escape it if it stands for itself",
            Self::Brace => "close `${` with `}`; write `\\${` for the characters themselves",
            Self::Slash => "write it as `${name/pattern/replacement}`",
            Self::Name => "write the name of a variable behind `${`, e.g. `${name}`",
            Self::Modifier(_) => {
                "known are :- - :+ + :? ? # ## % %% / // behind the name of a variable"
            }
            Self::Pattern(_) => "a backslash in a pattern stands before * ? \\ / or }",
            Self::Required { .. } => "set the variable with ARG, ENV or `--build-arg`",
            Self::LongPattern(_) => "patterns have at most 1,024 bytes",
            Self::Deep => "substitutions can be nested 64 deep",
            Self::Long => "one text takes 1 MiB of values",
        }
    }
}
