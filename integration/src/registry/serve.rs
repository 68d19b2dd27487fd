//! **Serving** answers the requests of a connection one after the other, with their faults.

use std::io;
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};

use super::Shared;
use super::answer::{NextStep, RegistryAnswer};
use super::body::{Body, FaultWatch};
use super::fault::{Fault, FaultStage};
use super::log::LoggedRequest;
use super::route::{RegistryPort, Request, Route};
use super::wire::Wire;

/// Length of a hang: longer than every timeout of the tests.
const FOREVER: Duration = Duration::from_secs(60);

/// Pause in which a test can notice something and write a file.
const MOMENT: Duration = Duration::from_millis(300);

/// Serves one connection until it ends.
pub(super) fn serve(shared: &Shared, door: RegistryPort, stream: TcpStream) -> io::Result<()> {
    let mut wire = Wire::new(stream, &shared.stopped)?;
    while let Some(head) = wire.head()? {
        let request = Request::new(door, &head);
        if shared.exchange(&request, &mut wire)? == NextStep::Close {
            return wire.close();
        }
    }
    Ok(())
}

impl Shared {
    fn exchange(&self, request: &Request<'_>, wire: &mut Wire) -> io::Result<NextStep> {
        if let Some(fault) = self.faults.next_fault(request, FaultStage::Arrived) {
            self.keys.lock().unwrap().expire_tokens();
            if let Fault::Rotate(password) = fault {
                password.clone_into(&mut self.keys.lock().unwrap().password);
                wire.wait(MOMENT);
            }
        }
        let early = self.faults.next_fault(request, FaultStage::Early);
        if let Some(
            fault @ (Fault::Close | Fault::ResetBefore | Fault::HangBefore | Fault::DripInterim(_)),
        ) = early
        {
            self.note(request, 0, None);
            return broken(wire, &fault);
        }
        let fire = || self.faults.next_fault(request, FaultStage::Inside);
        let offset = self.faults.offset(request);
        let watch = offset.map(|offset| FaultWatch { offset, fire: Box::new(fire) });
        let mut body = Body::new(wire, request.head, watch);
        let result = match early {
            Some(fault) => Ok(self.faulty(request, &fault)),
            None => self.answer(request, &mut body),
        };
        let (received, inside) = (body.received(), body.fault.take());
        // A client that is refused early may send the rest of the body or not, so the start of the next request is unknown.
        let then = if body.is_done() { NextStep::Next } else { NextStep::Close };
        drop(body);
        let answer = match (result, inside) {
            (Ok(answer), _) => answer,
            (Err(error), inside) => {
                self.note(request, received, None);
                return inside.map_or(Err(error), |fault| broken(wire, &fault));
            }
        };
        if let Some(fault) = self.faults.next_fault(request, FaultStage::Done) {
            self.note(request, received, None);
            return spoiled(wire, &fault, &answer, request);
        }
        self.note(request, received, Some(answer.status));
        wire.write(&answer.to_bytes(&request.head.method, then))?;
        Ok(then)
    }

    fn answer(&self, request: &Request<'_>, body: &mut Body<'_>) -> io::Result<RegistryAnswer> {
        if let Err(refusal) = self.authorize(request) {
            return Ok(refusal);
        }
        if let Some(fault) = self.faults.next_fault(request, FaultStage::Allowed) {
            return Ok(self.faulty(request, &fault));
        }
        if request.door == RegistryPort::Side
            && !matches!(request.route, Route::Token | Route::Stored(_))
        {
            return Ok(RegistryAnswer::new(404));
        }
        match request.route {
            Route::Ping => Ok(RegistryAnswer::new(200).body("application/json", "{}")),
            Route::Token => self.token(request, body),
            Route::Uploads(name) => self.open(name, request, body),
            Route::Upload(name, id) => self.upload(name, id, request, body),
            Route::Blob(name, digest) => Ok(self.blob(name, digest, request)),
            Route::Stored(digest) => Ok(self.stored(digest, request)),
            Route::Manifest(name, reference) => self.manifest(name, reference, request, body),
            Route::Tags(name) => Ok(self.tags(name, request)),
            Route::Referrers(name, subject) => Ok(self.referrers(name, subject, request)),
            Route::Unknown => Ok(RegistryAnswer::error(404, "UNSUPPORTED", "no such path")),
        }
    }

    fn note(&self, request: &Request<'_>, received: u64, status: Option<u16>) {
        self.log.lock().unwrap().push(LoggedRequest::new(request, received, status));
        let is_blob = matches!(request.route, Route::Uploads(_) | Route::Upload(..));
        if is_blob {
            self.received.fetch_add(received, Ordering::Relaxed);
        }
    }

    /// Returns the answer of a fault that is an answer.
    pub(super) fn faulty(&self, request: &Request<'_>, fault: &Fault) -> RegistryAnswer {
        let busy = || RegistryAnswer::error(429, "TOOMANYREQUESTS", "not so fast");
        match fault {
            Fault::Status(401) => self.challenge(request, Some("invalid_token")),
            Fault::Status(404) if matches!(request.route, Route::Upload(..)) => {
                RegistryAnswer::error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown")
            }
            Fault::Status(status) => {
                RegistryAnswer::error(*status, "UNKNOWN", "something went wrong")
            }
            Fault::RetrySeconds => busy().with("Retry-After", "1"),
            Fault::RetryDate => {
                // Full seconds: this is more than one second ahead.
                let at = Timestamp::now() + SignedDuration::from_secs(2);
                let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap();
                busy().with("Retry-After", date)
            }
            Fault::Garbage(status) => RegistryAnswer::new(*status)
                .body("text/html", "<html>\u{1b}[31m<h1>Gateway\0</h1>".repeat(100)),
            Fault::Redirect(url) => RegistryAnswer::new(307).with("Location", url),
            Fault::Location(url) => {
                RegistryAnswer::new(202).with("Location", url).with("Range", "0-0")
            }
            Fault::Echo(status) => {
                let headers = &request.head.headers;
                RegistryAnswer::error(*status, "DENIED", &format!("I do not like {headers:?}"))
            }
            other => unreachable!("{other:?} is no answer"),
        }
    }
}

/// Ends a connection without an answer.
fn broken(wire: &Wire, fault: &Fault) -> io::Result<NextStep> {
    match fault {
        Fault::Close => return Ok(NextStep::Close),
        Fault::HangBefore | Fault::HangInside => wire.wait(FOREVER),
        Fault::DripInterim(pause) => {
            drip(wire, &b"HTTP/1.1 102 Processing\r\n\r\n".repeat(1000), *pause)?;
        }
        _ => {}
    }
    wire.reset()?;
    Err(io::Error::other("a fault"))
}

/// Sends a byte at a time.
fn drip(wire: &Wire, bytes: &[u8], pause: Duration) -> io::Result<()> {
    for byte in bytes {
        wire.write(&[*byte])?;
        wire.wait(pause);
    }
    Ok(())
}

/// Answers incorrectly after the request was carried out.
fn spoiled(
    wire: &Wire,
    fault: &Fault,
    answer: &RegistryAnswer,
    request: &Request<'_>,
) -> io::Result<NextStep> {
    let method = &request.head.method;
    let bytes = answer.to_bytes(method, NextStep::Next);
    match fault {
        Fault::Delay(delay) => {
            wire.wait(*delay);
            wire.write(&bytes)?;
            return Ok(NextStep::Next);
        }
        Fault::Drip(pause) => {
            drip(wire, &bytes, *pause)?;
            return Ok(NextStep::Next);
        }
        Fault::DripBody(pause) => {
            let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
            wire.write(&bytes[..head])?;
            drip(wire, &bytes[head..], *pause)?;
            return Ok(NextStep::Next);
        }
        Fault::CutHead => {
            let head = answer.to_bytes("HEAD", NextStep::Next);
            wire.write(&head[..head.len() / 2])?;
            return Ok(NextStep::Close);
        }
        Fault::ResetInside | Fault::HangInside => wire.write(&bytes[..bytes.len() / 2])?,
        _ => {}
    }
    if *fault == Fault::HangInside {
        wire.wait(FOREVER);
    }
    wire.reset()?;
    Err(io::Error::other("a fault"))
}
