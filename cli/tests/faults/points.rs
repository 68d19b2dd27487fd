//! *Points* of an act: its system calls, by name and number.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;

use crate::act::{Act, Surroundings};
use crate::acts::acts;

/// Points of each act that are tried by default.
const SAMPLE: usize = 2;

/// One system call of an act. Calls are counted in each thread.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) call: String,
    pub(crate) number: usize,
}

impl Point {
    /// Returns arguments of strace that let something happen at the point.
    pub(crate) fn inject(&self, what: &str) -> Vec<String> {
        let Self { call, number } = self;
        ["-o", "/dev/null", "-e", &format!("trace={call}"), "-e"]
            .into_iter()
            .map(str::to_owned)
            .chain([format!("inject={call}:{what}:when={number}")])
            .collect()
    }
}

/// Lists the points of an act that call one of `calls`, and the state after it.
pub(crate) fn list_points(act: &Act, calls: &str, around: Surroundings) -> (Vec<Point>, String) {
    let site = act.prepare();
    let log = site.scene.path("tmp/calls");
    let strace = ["-o", log.to_str().unwrap(), "-e", &format!("trace={calls}")];
    let mut command = act.command(&site, &strace.map(str::to_owned), around);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}: {}", act.name, String::from_utf8_lossy(&output.stderr));
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let text = fs::read_to_string(&log).unwrap();
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((call, _)) = rest.trim_start().split_once('(') else { continue };
        *counts.entry((call.to_owned(), thread.to_owned())).or_default() += 1;
    }
    let mut largest: BTreeMap<String, usize> = BTreeMap::new();
    for ((call, _), count) in counts {
        let largest = largest.entry(call).or_default();
        *largest = count.max(*largest);
    }
    let points = largest.into_iter().flat_map(|(call, count)| {
        (1..=count).map(move |number| Point { call: call.clone(), number })
    });
    (points.filter(|point| !point.call.starts_with('<')).collect(), act.state(&site))
}

/// Returns as many of the points as are asked for, spread evenly.
fn sample(points: &[Point]) -> impl Iterator<Item = Point> {
    let asked = std::env::var("DISKETTE_FAULT_POINTS").ok();
    let count = asked.map_or(SAMPLE, |count| count.parse().unwrap()).min(points.len());
    // Not the first of each time: those are alike in all acts.
    (0..count).map(move |at| points[(2 * at + 1) * points.len() / (2 * count)].clone())
}

/// Tries points, in two threads, and returns what is wrong. `try_point` gets the number of the point
/// too, and panics with what it finds.
pub(crate) fn try_points(
    points: &[Point],
    try_point: impl Fn(usize, &Point) + Sync,
) -> Vec<String> {
    let points: Vec<Point> = sample(points).collect();
    let next = AtomicUsize::new(0);
    let problems = Mutex::new(Vec::new());
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(point) = points.get(number) else { return };
            let tried = catch_unwind(AssertUnwindSafe(|| try_point(number, point)));
            if let Err(panic) = tried {
                let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                problems.lock().unwrap().push(format!("{point:?}: {text}"));
            }
        }
    };
    scope(|threads| [threads.spawn(work), threads.spawn(work)].map(|it| it.join().unwrap()));
    problems.into_inner().unwrap()
}

/// Checks all acts; panics with all that is wrong.
pub(crate) fn check_acts(check: impl Fn(&Act) -> Vec<String>) {
    let problems: Vec<String> = acts().iter().flat_map(check).collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
