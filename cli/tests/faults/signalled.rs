//! A signal ends the program soon, wherever it comes, and what is printed then is true.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::act::{Act, Surroundings};
use crate::points::{check_acts, list_points, try_points};

const CALLS: &str = "openat,write,pwrite64,fsync,fdatasync,linkat,renameat,renameat2,unlinkat,mkdirat,\
    fallocate,flock,sendto,recvfrom,read,connect";

/// The longest time that an act may take after a signal, under strace on a busy machine.
const LONGEST: Duration = Duration::from_secs(10);

fn check(act: &Act) -> Vec<String> {
    let old = act.state(&act.prepare());
    let (points, new) = list_points(act, CALLS, Surroundings::Usual);
    let (stopped, slowest) = (AtomicUsize::new(0), Mutex::new(Duration::ZERO));
    let problems = try_points(&points, |number, point| {
        let (signal, code) = [("INT", 130), ("TERM", 143), ("HUP", 129)][number % 3];
        let site = act.prepare();
        let inject = point.inject(&format!("signal={signal}"));
        let started = Instant::now();
        let output = act.command(&site, &inject, Surroundings::Usual).output().unwrap();
        let elapsed = started.elapsed();
        let (status, said) = (output.status, String::from_utf8_lossy(&output.stderr));
        let found = format!("{signal}: {status}: {said}");
        assert!(elapsed < LONGEST, "{found}");
        let state = act.state(&site);
        assert!(state == old || state == new, "{found}: {state}");
        match status.code() {
            Some(0) => assert_eq!(state, new, "{found}"),
            Some(other) => {
                stopped.fetch_add(1, Ordering::Relaxed);
                assert_eq!(other, code, "{found}");
                assert!(!said.contains("nothing was changed") || state == old, "{found}");
            }
            // The signal came before the program could handle any, or twice: in two threads.
            None => assert!(!said.contains("panicked"), "{found}"),
        }
        let mut longest = slowest.lock().unwrap();
        *longest = elapsed.max(*longest);
        drop(longest);
        act.finish(&site);
        assert_eq!(act.state(&site), new, "{found}");
    });
    println!("{}: {} points, {stopped:?} stopped, {slowest:?}", act.name, points.len());
    problems
}

#[test]
fn signals_end_what_is_done() {
    check_acts(check);
}
