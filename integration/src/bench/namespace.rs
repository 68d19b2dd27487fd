//! The **namespaces** of the benchmark: processes and mounts of its own, so that servers and mounts do not survive it,
//! whatever ends it. That needs root; other users have no mounts, and their servers stay if the benchmark is killed.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::process::geteuid;

/// The command after which the benchmark starts again. Its shell reaps the servers that scripts have left, and all
/// processes end with it.
const ENTER: [&str; 9] = [
    "unshare",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "bash",
    "-c",
    r#""$0" "$@"; exit $?"#,
];

/// Variable of the processes in the namespaces.
const INSIDE: &str = "DISKETTE_BENCH_NAMESPACE";

/// Replaces this process by one in namespaces of its own, unless it is in them already, or is not root.
pub(crate) fn enter() -> io::Result<()> {
    if std::env::var_os(INSIDE).is_some() || !geteuid().is_root() {
        return Ok(());
    }
    let [program, args @ ..] = ENTER;
    let mut command = Command::new(program);
    command.args(args).arg(std::env::current_exe()?).args(std::env::args_os().skip(1));
    let error = command.env(INSIDE, "1").exec();
    Err(io::Error::new(error.kind(), format!("cannot start {program}: {error}")))
}
