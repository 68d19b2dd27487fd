//! A program that is killed leaves the old state or the new one, and the next run cleans up.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::act::{Act, Surroundings};
use crate::points::{check_acts, list_points, try_points};

const CALLS: &str = "openat,write,writev,pwrite64,fsync,fdatasync,sync_file_range,linkat,renameat,\
    renameat2,rename,unlinkat,unlink,mkdirat,mkdir,fallocate,ftruncate,flock,copy_file_range,\
    sendto,recvfrom,read,fchmod,close";

fn check(act: &Act, around: Surroundings) -> Vec<String> {
    let old = act.state(&act.prepare());
    let (points, new) = list_points(act, CALLS, around);
    assert_ne!(old, new, "{}", act.name);
    let clean = {
        let site = act.prepare();
        act.finish(&site);
        site.files()
    };
    let (killed, changed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let problems = try_points(&points, |_, point| {
        let site = act.prepare();
        let mut command = act.command(&site, &point.inject("signal=KILL"), around);
        let status = command.output().unwrap().status;
        let state = act.state(&site);
        assert!(state == old || state == new, "{status}: {state}");
        assert!(!status.success() || state == new, "success, and nothing was done");
        killed.fetch_add((!status.success()).into(), Ordering::Relaxed);
        changed.fetch_add((state == new).into(), Ordering::Relaxed);
        act.finish(&site);
        assert_eq!(act.state(&site), new);
        assert_eq!(site.files(), clean, "{status}: files were left behind");
    });
    let (name, count) = (act.name, points.len());
    println!("{name}, {around:?}: {count} points, {killed:?} killed, new after {changed:?}");
    problems
}

#[test]
fn old_or_new_after_a_kill() {
    check_acts(|act| check(act, Surroundings::Usual));
}

#[test]
fn old_or_new_after_a_kill_without_proc() {
    if !diskette_integration::scene::is_root() {
        return diskette_integration::peer::note_skipped("not root: /proc cannot be hidden");
    }
    check_acts(|act| check(act, Surroundings::WithoutProc));
}
