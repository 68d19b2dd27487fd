//! Reads *parameters* in braces (POSIX.1-2017, Shell & Utilities 2.6.2).

use super::error::RunError;
use super::reader::{ShellReader, Within};
use super::word::{
    ParameterAction, ParameterExpansion, Quoting, TrimExtent, TrimSide, UnsetCondition, WordPart,
    WordParts, variable_name,
};

impl ShellReader<'_> {
    pub(super) fn read_braces(
        &mut self,
        quoting: Quoting,
        parts: &mut WordParts,
    ) -> Result<(), RunError> {
        let start = self.at;
        self.at += 2;
        let name = variable_name(self.rest());
        self.at += name.len();
        if name.is_empty() {
            return Err(self.not_evaluated("this substitution", 0).starting_at(start));
        }
        self.descend(start)?;
        let action = self.read_action(quoting).map_err(|error| match error {
            Some(error) => error,
            None => self.not_evaluated("this substitution", 1).starting_at(start),
        })?;
        self.ascend();
        if !self.skip("}") {
            return Err(RunError::new("`${` is not closed by `}`", start..start + 2));
        }
        let (name, range) = (name.to_owned(), start..self.at);
        parts.0.push(WordPart::Parameter(ParameterExpansion { name, quoting, action, range }));
        Ok(())
    }

    /// Reads what is between the name and the brace; the error is `None` for an unknown operator.
    fn read_action(&mut self, quoting: Quoting) -> Result<ParameterAction, Option<RunError>> {
        let within = match quoting {
            Quoting::Quoted => Within::QuotedBraces,
            Quoting::Unquoted => Within::Braces,
        };
        if matches!(self.peek(), None | Some('}')) {
            return Ok(ParameterAction::Value);
        }
        // Longer ones first.
        for (sign, side, extent) in [
            ("##", TrimSide::Front, TrimExtent::Longest),
            ("#", TrimSide::Front, TrimExtent::Shortest),
            ("%%", TrimSide::Back, TrimExtent::Longest),
            ("%", TrimSide::Back, TrimExtent::Shortest),
        ] {
            if self.skip(sign) {
                // Quotes are quotes in a pattern, also inside of double quotes.
                return Ok(ParameterAction::Trim(
                    side,
                    extent,
                    self.read_word_within(Within::Braces)?,
                ));
            }
        }
        let missing =
            if self.skip(":") { UnsetCondition::UnsetOrEmpty } else { UnsetCondition::Unset };
        let make = match self.peek() {
            Some('-') => ParameterAction::Default,
            Some('+') => ParameterAction::Alternative,
            Some('?') => ParameterAction::Require,
            _ => return Err(None),
        };
        self.at += 1;
        Ok(make(missing, self.read_word_within(within)?))
    }
}
