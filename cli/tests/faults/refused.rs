//! A system call that fails is an error with a message, or makes no difference.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::act::{Act, Surroundings};
use crate::points::{check_acts, list_points, try_points};

const CALLS: &str = "write,writev,pwrite64,fsync,fdatasync,linkat,renameat,renameat2,rename,unlinkat,\
    unlink,mkdirat,mkdir,fallocate,ftruncate,copy_file_range,fchmod,openat,sendto,recvfrom";

fn check(act: &Act, around: Surroundings) -> Vec<String> {
    let old = act.state(&act.prepare());
    let (points, new) = list_points(act, CALLS, around);
    let failed = AtomicUsize::new(0);
    let problems = try_points(&points, |number, point| {
        let error = ["EIO", "ENOSPC"][number % 2];
        let site = act.prepare();
        let inject = point.inject(&format!("error={error}"));
        let output = act.command(&site, &inject, around).output().unwrap();
        let (status, said) = (output.status, String::from_utf8_lossy(&output.stderr));
        let found = format!("{error}: {status}: {said}");
        // The loader of the system ends programs with 127, the shell too.
        let code = status.code().unwrap_or_else(|| panic!("{found}"));
        assert!([0, 1, 75, 127].contains(&code) && !said.contains("panicked"), "{found}");
        let state = act.state(&site);
        assert!(state == old || state == new, "{found}: {state}");
        assert!(code != 0 || state == new, "{found}: success, and nothing was done");
        // The message itself may be what could not be written.
        let has_message = said.contains("error") || point.call.starts_with("write");
        assert!(code == 0 || has_message, "{found}: no message");
        failed.fetch_add((code != 0).into(), Ordering::Relaxed);
        act.finish(&site);
        assert_eq!(act.state(&site), new, "{found}");
    });
    println!("{}, {around:?}: {} points, {failed:?} failed", act.name, points.len());
    problems
}

#[test]
fn failing_calls_are_errors() {
    check_acts(|act| check(act, Surroundings::Usual));
}

#[test]
fn failing_calls_are_errors_without_proc() {
    if !diskette_integration::scene::is_root() {
        return diskette_integration::peer::note_skipped("not root: /proc cannot be hidden");
    }
    check_acts(|act| check(act, Surroundings::WithoutProc));
}
