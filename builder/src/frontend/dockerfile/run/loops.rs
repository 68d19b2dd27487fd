//! *Loops*: `for`, `while`, `until`, and what leaves them
//! (POSIX.1-2017, Shell & Utilities 2.9.4, 2.14).

use std::ops::Range;

use super::error::RunError;
use super::script::{ForLoop, Script, WhileLoop};
use super::shell::{Flow, Shell};

impl Shell<'_> {
    pub(super) fn run_for(&mut self, command: &ForLoop) -> Result<Flow, RunError> {
        let mut values = Vec::new();
        for word in &command.words {
            values.extend(self.expand_arguments(word)?);
        }
        self.failure = None;
        for value in values {
            let range = command.words.first().map_or(0..0, |word| word.range.clone());
            self.parameters.assign(&command.variable, value, range)?;
            if let Some(flow) = self.run_round(&command.body)? {
                return Ok(flow);
            }
        }
        Ok(Flow::Continue)
    }

    pub(super) fn run_while(&mut self, command: &WhileLoop) -> Result<Flow, RunError> {
        let mut failure = (None, false);
        loop {
            let condition =
                |shell: &mut Self| shell.run_tested(|shell| shell.run_script(&command.condition));
            if let Some(flow) = self.in_loop(condition)? {
                return Ok(flow);
            }
            let goes_on = self.failure.take().is_some() == command.is_until;
            if !goes_on {
                (self.failure, self.is_failure_tested) = failure;
                return Ok(Flow::Continue);
            }
            if let Some(flow) = self.run_round(&command.body)? {
                return Ok(flow);
            }
            failure = (self.failure.take(), self.is_failure_tested);
        }
    }

    /// Runs the commands of a loop once; returns what is run next if the loop ends.
    fn run_round(&mut self, body: &Script) -> Result<Option<Flow>, RunError> {
        self.in_loop(|shell| shell.run_script(body))
    }

    fn in_loop(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<Flow, RunError>,
    ) -> Result<Option<Flow>, RunError> {
        self.loops += 1;
        let flow = run(self)?;
        self.loops -= 1;
        Ok(match flow {
            Flow::Continue | Flow::NextRound(1) => None,
            Flow::Break(1) => Some(Flow::Continue),
            Flow::Break(more) => Some(Flow::Break(more - 1)),
            Flow::NextRound(more) => Some(Flow::NextRound(more - 1)),
            Flow::Exit => Some(Flow::Exit),
        })
    }

    /// Leaves loops, or goes on with the next round of one; outside of a loop nothing happens.
    pub(super) fn leave_loops(
        &mut self,
        words: &[String],
        range: Range<usize>,
        flow: fn(usize) -> Flow,
    ) -> Result<Flow, RunError> {
        let number = match words {
            [] => Some(1),
            [number] => number.parse().ok().filter(|number| *number > 0),
            _ => None,
        };
        let what = "this number of loops";
        let number: usize = number.ok_or_else(|| RunError::not_evaluated(what, range))?;
        Ok(match self.loops {
            0 => Flow::Continue,
            loops => flow(number.min(loops)),
        })
    }
}
