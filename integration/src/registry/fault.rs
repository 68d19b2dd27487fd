//! A **fault** is a failure between a client and the registry: at one kind of request, a few times
//! or always.

use std::sync::Mutex;
use std::time::Duration;

use super::route::{Request, RequestKind};
use super::wire::BodyLength;

/// Offset that is taken as the middle of a body of unknown length, in bytes.
const SOMEWHERE: u64 = 512;

/// A failure. The middle of a request is the middle of its body, or of the response if it has no
/// body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed in order, without an answer.
    Close,
    /// The connection is reset when the head has come.
    ResetBefore,
    /// The connection is reset in the middle.
    ResetInside,
    /// The request is carried out, but the connection is reset instead of a response.
    ResetAfter,
    /// Nothing is sent after the head was received.
    HangBefore,
    /// Nothing is read or sent after the middle.
    HangInside,
    /// The request is carried out, but the response ends within its head.
    CutHead,
    /// An error, as a registry words it. At [`RequestKind::Commit`] and [`RequestKind::PutManifest`] it comes after
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
    /// The request is carried out, but the response is delayed.
    Delay(Duration),
    /// The request is carried out, but each byte of the response takes this long.
    Drip(Duration),
    /// The body of the response is sent so, its head at once.
    DripBody(Duration),
    /// Interim responses without end are sent so.
    DripInterim(Duration),
    /// All tokens issued so far become invalid.
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

/// How often a fault occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultTimes {
    /// At the first requests of the kind.
    First(u32),
    /// At every request of the kind.
    Always,
    /// At every request of the kind but the first ones.
    After(u32),
}

/// A fault, the requests it occurs at, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultRule {
    /// The requests it happens at.
    pub kind: RequestKind,
    /// What happens.
    pub fault: Fault,
    /// How often.
    pub times: FaultTimes,
}

/// The stage of a request at which a fault occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultStage {
    /// Before anything else.
    Arrived,
    /// Before the body is read.
    Early,
    /// After authorization.
    Allowed,
    /// In the request's body.
    Inside,
    /// When the body has come, before anything is done.
    Late,
    /// When all is done.
    Done,
}

/// The rules of a registry, and how often each was applied.
#[derive(Debug, Default)]
pub(super) struct Faults {
    rules: Mutex<Vec<(FaultRule, u32)>>,
}

impl Fault {
    fn stage(&self, kind: RequestKind, length: BodyLength) -> FaultStage {
        match self {
            // Registries authenticate the client first.
            Self::Close
            | Self::ResetBefore
            | Self::HangBefore
            | Self::DripInterim(_)
            | Self::Status(401) => FaultStage::Early,
            Self::Expire | Self::Rotate(_) => FaultStage::Arrived,
            Self::Redirect(_) if kind == RequestKind::Ping => FaultStage::Early,
            // A client that has not shown a secret yet has none to lose.
            Self::Redirect(_) | Self::Location(_) | Self::Echo(_) => FaultStage::Allowed,
            Self::CutAt(_) => FaultStage::Inside,
            Self::ResetInside | Self::HangInside if length != BodyLength::Bytes(0) => {
                FaultStage::Inside
            }
            Self::ResetInside
            | Self::HangInside
            | Self::ResetAfter
            | Self::CutHead
            | Self::Drip(_)
            | Self::DripBody(_)
            | Self::Delay(_) => FaultStage::Done,
            _ if matches!(
                kind,
                RequestKind::Commit | RequestKind::PutManifest | RequestKind::PutTag
            ) =>
            {
                FaultStage::Late
            }
            _ => FaultStage::Early,
        }
    }
}

impl FaultRule {
    fn is_at(&self, request: &Request<'_>, stage: FaultStage) -> bool {
        let length = request.head.length();
        request.kinds.contains(&self.kind) && self.fault.stage(self.kind, length) == stage
    }
}

impl Faults {
    pub(super) fn add(&self, rule: FaultRule) {
        self.rules.lock().unwrap().push((rule, 0));
    }

    /// Returns how often a fault occurred.
    pub(super) fn count(&self) -> u32 {
        let rules = self.rules.lock().unwrap();
        rules.iter().map(|(rule, met)| met.saturating_sub(rule.times.skipped())).sum()
    }

    /// Returns the fault that occurs now, and counts it.
    pub(super) fn next_fault(&self, request: &Request<'_>, stage: FaultStage) -> Option<Fault> {
        let mut rules = self.rules.lock().unwrap();
        let (rule, fired) = rules
            .iter_mut()
            .find(|(rule, fired)| rule.is_at(request, stage) && rule.times.is_left(*fired))?;
        *fired += 1;
        (*fired > rule.times.skipped()).then(|| rule.fault.clone())
    }

    /// Returns where in the request's body something may go wrong, in bytes from its start.
    pub(super) fn offset(&self, request: &Request<'_>) -> Option<u64> {
        let rules = self.rules.lock().unwrap();
        let (rule, _) = rules.iter().find(|(rule, fired)| {
            rule.is_at(request, FaultStage::Inside) && rule.times.is_left(*fired)
        })?;
        match (&rule.fault, request.head.length()) {
            (Fault::CutAt(offset), _) => Some(*offset),
            (_, BodyLength::Bytes(len)) => Some(len / 2),
            (_, BodyLength::Chunked) => Some(SOMEWHERE),
        }
    }
}

impl FaultTimes {
    /// Returns how many requests go well first.
    fn skipped(self) -> u32 {
        match self {
            Self::After(count) => count,
            Self::First(_) | Self::Always => 0,
        }
    }

    fn is_left(self, fired: u32) -> bool {
        match self {
            Self::First(times) => fired < times,
            Self::Always | Self::After(_) => true,
        }
    }
}
