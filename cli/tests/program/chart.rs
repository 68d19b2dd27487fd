//! docs/benchmark.svg is a bar chart of docs/benchmark.json, which `make bench` writes: `make docs`
//! draws it anew.

use std::fmt::Write as _;

use serde_json::Value;
use snapbox::{assert_data_eq, file};

/// Figures of a run of the benchmark.
const FIGURES: &str = include_str!("../../../docs/benchmark.json");

/// The disk whose builds are compared.
const DISK: &str = "debian-plain.qcow2";

/// Cases and peers, and their names in the chart.
const BARS: [(&str, &str, &str); 7] = [
    ("zstd", "diskette", "diskette, zstd"),
    ("gzip", "diskette", "diskette, gzip"),
    ("gzip", "umoci", "umoci, gzip"),
    ("zstd", "umoci", "umoci, zstd"),
    ("gzip", "buildah-bud", "buildah bud"),
    ("gzip", "podman", "podman build"),
    ("gzip", "buildkit", "BuildKit"),
];

/// Measures of the picture, in pixels.
const ROW: usize = 26;
const LEFT: u16 = 130;
const LONGEST: f64 = 400.0;

/// Returns names, seconds and bytes of the layer, the fastest first.
fn bars() -> Vec<(&'static str, f64, f64)> {
    let figures: Value = serde_json::from_str(FIGURES).unwrap();
    let contests = figures["contests"].as_array().unwrap();
    let measure = |case: &str, peer: &str| {
        let contest = contests.iter().find(|it| it["case"] == case && it["disk"] == DISK)?;
        let row = contest["rows"].as_array()?.iter().find(|row| row["peer"] == peer)?;
        let median = &row["median"];
        Some((median["wall_s"].as_f64()?, median["layer_bytes"].as_f64()?))
    };
    let found = BARS.into_iter().filter_map(|(case, peer, name)| {
        let (seconds, bytes) = measure(case, peer)?;
        Some((name, seconds, bytes))
    });
    let mut bars: Vec<_> = found.collect();
    bars.sort_by(|one, other| one.1.total_cmp(&other.1));
    bars
}

fn svg(bars: &[(&str, f64, f64)]) -> String {
    let slowest = bars.iter().map(|bar| bar.1).fold(0.0, f64::max);
    let (width, height) = (LEFT + 560, bars.len() * ROW + 40);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <title>seconds to build the image of a disk of 0.9 GB, and the size of its layer</title>\n\
         <style>text {{ font: 13px sans-serif; fill: #333; }} .own {{ fill: #2a7ae2; }} .other {{ fill: #b8c4ce; }}</style>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for (number, (name, seconds, bytes)) in bars.iter().enumerate() {
        let (y, kind) =
            (20 + number * ROW, if name.starts_with("diskette") { "own" } else { "other" });
        let (length, text) = (seconds / slowest * LONGEST, y + 14);
        let (start, megabytes) = (f64::from(LEFT) + length + 8.0, bytes / 1e6);
        writeln!(svg, "<text x=\"{}\" y=\"{text}\" text-anchor=\"end\">{name}</text>", LEFT - 8)
            .unwrap();
        writeln!(
            svg,
            "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{length:.0}\" height=\"19\" class=\"{kind}\"/>"
        )
        .unwrap();
        writeln!(
            svg,
            "<text x=\"{start:.0}\" y=\"{text}\">{seconds:.1} s, {megabytes:.0} MB</text>"
        )
        .unwrap();
    }
    svg + "</svg>\n"
}

#[test]
fn the_chart_is_that_of_the_figures() {
    let bars = bars();
    assert!(bars.len() >= 3, "{bars:?}");
    assert_data_eq!(svg(&bars), file!["../../../docs/benchmark.svg"]);
}
