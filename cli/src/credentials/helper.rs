//! *Helpers* are programs that store credentials (`docker-credential-NAME`).

use std::io::{self, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use diskette_builder::registry::credentials::{
    HELPER_ANSWER_MAX, HelperError, HelperExit, HelperOutput,
};

use crate::files::read_at_most;

/// Interval of checks whether a helper that has answered has exited.
const STEP: Duration = Duration::from_millis(5);

/// Runs a helper. Its standard error is that of this program.
pub(super) fn run_helper(
    mut command: Command,
    server: &str,
    timeout: Duration,
) -> Result<HelperOutput, HelperError> {
    let deadline = Instant::now() + timeout;
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => HelperError::NotInstalled,
        _ => HelperError::Io(error),
    })?;
    let ended = exchange(&mut child, server, deadline);
    if ended.is_err() {
        // It may have exited in the meantime.
        let _ended = child.kill().and_then(|()| child.wait());
    }
    let (stdout, status) = ended?;
    let end = if status.success() { HelperExit::Success } else { HelperExit::Failure };
    Ok(HelperOutput { exit: end, stdout })
}

fn exchange(
    child: &mut Child,
    server: &str,
    deadline: Instant,
) -> Result<(Vec<u8>, ExitStatus), HelperError> {
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(server.as_bytes()) {
            // A helper may exit without reading its input.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            written => written?,
        }
    }
    let (sender, receiver) = mpsc::channel();
    let stdout = child.stdout.take();
    // After the timeout the thread is left behind: another process may hold the pipe open.
    thread::spawn(move || {
        let read = stdout.map_or(Ok(Vec::new()), |stdout| read_at_most(stdout, HELPER_ANSWER_MAX));
        // Sending fails after the timeout, when the receiver is gone.
        let _sent = sender.send(read);
    });
    let left = deadline.saturating_duration_since(Instant::now());
    let stdout = receiver.recv_timeout(left).map_err(|_| HelperError::Timeout)??;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok((stdout, status));
        }
        thread::sleep(STEP);
    }
    Err(HelperError::Timeout)
}

#[cfg(test)]
mod tests {
    use diskette_builder::net::credential::Credential;
    use diskette_builder::registry::credentials::CredentialSystem;

    use super::*;
    use crate::credentials::System;

    fn helper(script: &str, timeout: Duration) -> Result<Option<Credential>, HelperError> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run_helper(command, "q.io", timeout)?.parse_credential()
    }

    #[test]
    fn helpers_are_run_and_given_up() {
        let check = |script: &str, seconds: u64, expected: Result<Option<Credential>, &str>| {
            let started = Instant::now();
            let found = helper(script, Duration::from_secs(seconds));
            assert_eq!(found.map_err(|e| e.to_string()), expected.map_err(Into::into), "{script}");
            assert!(started.elapsed() < Duration::from_secs(20), "{script}");
        };
        let answer = r#"read server; echo "{\"Username\":\"$server\",\"Secret\":\"p\"}""#;
        // The server is not followed by a newline.
        check(&format!("{answer} "), 60, Ok(Some(Credential::basic("q.io", "p"))));
        check(r#"echo '{"Username":"u","Secret":"p"}'"#, 60, Ok(Some(Credential::basic("u", "p"))));
        check("echo credentials not found in native keychain; exit 1", 60, Ok(None));
        check("exit 1", 60, Err("it failed"));
        check("kill -9 $$", 60, Err("it failed"));
        check("head -c 2000000 /dev/zero", 60, Err("its answer is not a credential"));
        check("sleep 100", 1, Err("it gave no answer within 60 s"));
        check("exec >&-; sleep 100", 1, Err("it gave no answer within 60 s"));
        check("sleep 100 & echo", 1, Err("it gave no answer within 60 s"));
        let missing = System.run_helper("no-such-helper-at-all", "q.io");
        assert!(matches!(missing, Err(HelperError::NotInstalled)));
    }
}
