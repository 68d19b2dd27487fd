//! A **fault** is what goes wrong between a client and the registry: at one kind of request, a few
//! times or always.

use std::sync::Mutex;
use std::time::Duration;

use super::route::{Kind, Request};
use super::wire::Length;

/// Where in a body of unknown length the middle is taken to be, in bytes.
const SOMEWHERE: u64 = 512;

/// What goes wrong. The middle of a request is the middle of its body; where it has none, it is the
/// middle of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed in order, without an answer.
    Close,
    /// The connection is reset when the head has come.
    ResetBefore,
    /// The connection is reset in the middle.
    ResetInside,
    /// All is done as asked, but the connection is reset instead of an answer.
    ResetAfter,
    /// The head has come, and nothing happens any more.
    HangBefore,
    /// Nothing happens any more from the middle on.
    HangInside,
    /// All is done as asked, but the answer ends within its head.
    CutHead,
    /// An error, as a registry words it. At [`Kind::Commit`] and [`Kind::PutManifest`] it comes after
    /// the body (but 401 does not), elsewhere before.
    Status(u16),
    /// 429, to be tried again after a second.
    RetrySeconds,
    /// 429, to be tried again at a date that is one to two seconds ahead.
    RetryDate,
    /// An error in HTML, as a proxy words it.
    Garbage(u16),
    /// The connection is reset after so many bytes of the request's body.
    CutAt(u64),
    /// All is done as asked, but the answer comes later.
    Delay(Duration),
    /// All tokens given so far are not good any more.
    Expire,
    /// The same, and the user has another password from now on. The answer takes a moment, in which
    /// a test can put the password where the program finds it.
    Rotate(&'static str),
    /// `307` to this URL.
    Redirect(String),
    /// An upload session whose `Location` is this URL.
    Location(String),
    /// An error whose text is the request's headers.
    Echo(u16),
}

/// How often a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// At the first requests of the kind.
    First(u32),
    /// At every request of the kind.
    Always,
}

/// What goes wrong, where, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The requests it happens at.
    pub kind: Kind,
    /// What happens.
    pub fault: Fault,
    /// How often.
    pub times: Times,
}

/// When in the course of a request a fault shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before anything else.
    Arrived,
    /// Before the body is read.
    Early,
    /// When it is known that the client may do this.
    Allowed,
    /// In the request's body.
    Inside,
    /// When the body has come, before anything is done.
    Late,
    /// When all is done.
    Done,
}

/// The rules of a registry, and how often each was followed.
#[derive(Debug, Default)]
pub(super) struct Faults {
    rules: Mutex<Vec<(Rule, u32)>>,
}

impl Fault {
    fn stage(&self, kind: Kind, length: Length) -> Stage {
        match self {
            // Who asks is looked at first, everywhere.
            Self::Close | Self::ResetBefore | Self::HangBefore | Self::Status(401) => Stage::Early,
            Self::Expire | Self::Rotate(_) => Stage::Arrived,
            Self::Redirect(_) if kind == Kind::Ping => Stage::Early,
            // Who has not shown a secret yet has none to lose.
            Self::Redirect(_) | Self::Location(_) | Self::Echo(_) => Stage::Allowed,
            Self::CutAt(_) => Stage::Inside,
            Self::ResetInside | Self::HangInside if length != Length::Bytes(0) => Stage::Inside,
            Self::ResetInside
            | Self::HangInside
            | Self::ResetAfter
            | Self::CutHead
            | Self::Delay(_) => Stage::Done,
            _ if matches!(kind, Kind::Commit | Kind::PutManifest) => Stage::Late,
            _ => Stage::Early,
        }
    }
}

impl Rule {
    fn is_at(&self, request: &Request<'_>, stage: Stage) -> bool {
        let length = request.head.length();
        request.kinds.contains(&self.kind) && self.fault.stage(self.kind, length) == stage
    }
}

impl Faults {
    pub(super) fn add(&self, rule: Rule) {
        self.rules.lock().unwrap().push((rule, 0));
    }

    /// Returns how often anything went wrong.
    pub(super) fn fired(&self) -> u32 {
        self.rules.lock().unwrap().iter().map(|(_, fired)| fired).sum()
    }

    /// Returns what goes wrong now, and counts it.
    pub(super) fn fire(&self, request: &Request<'_>, stage: Stage) -> Option<Fault> {
        let mut rules = self.rules.lock().unwrap();
        let (rule, fired) = rules
            .iter_mut()
            .find(|(rule, fired)| rule.is_at(request, stage) && rule.times.is_left(*fired))?;
        *fired += 1;
        Some(rule.fault.clone())
    }

    /// Returns where in the request's body something may go wrong, in bytes from its start.
    pub(super) fn offset(&self, request: &Request<'_>) -> Option<u64> {
        let rules = self.rules.lock().unwrap();
        let (rule, _) = rules.iter().find(|(rule, fired)| {
            rule.is_at(request, Stage::Inside) && rule.times.is_left(*fired)
        })?;
        match (&rule.fault, request.head.length()) {
            (Fault::CutAt(offset), _) => Some(*offset),
            (_, Length::Bytes(len)) => Some(len / 2),
            (_, Length::Chunked) => Some(SOMEWHERE),
        }
    }
}

impl Times {
    fn is_left(self, fired: u32) -> bool {
        match self {
            Self::First(times) => fired < times,
            Self::Always => true,
        }
    }
}
