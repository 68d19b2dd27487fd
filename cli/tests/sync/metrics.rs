//! Metrics of a run, as Prometheus reads them.

use std::collections::BTreeMap;

use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::peer;
use diskette_integration::scene::Scene;
use diskette_integration::server::ServerAnswer;
use diskette_integration::upstream::Upstream;
use serde_json::Value;

const IMAGES: [&str; 3] = ["checksums", "directory", "simplestreams"];

/// Reads metrics by Prometheus' rules: each has one line of help and of type before its series, and no
/// series is there twice.
fn read(text: &str) -> BTreeMap<String, f64> {
    assert!(text.ends_with('\n'));
    let (mut described, mut series) = (Vec::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            described.push(rest.split(' ').next().unwrap());
            continue;
        }
        let name = *described.last().unwrap();
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert_eq!(rest, format!("{name} gauge"));
            continue;
        }
        let (key, value) = line.rsplit_once(' ').unwrap();
        assert_eq!(key.split('{').next(), Some(name));
        assert!(series.insert(key.to_owned(), value.parse().unwrap()).is_none(), "{key}");
    }
    described.sort_unstable();
    let count = described.len();
    described.dedup();
    assert_eq!(described.len(), count, "a metric is described twice");
    series
}

fn check_by_promtool(scene: &Scene, file: &str) {
    let Some(promtool) = peer::find_optional("promtool") else {
        return peer::note_skipped("promtool is not installed: it is not asked about metrics");
    };
    let shell = "exec \"$0\" check metrics <\"$1\"";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", shell]).arg(promtool.path()).arg(scene.path(file));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
#[expect(clippy::float_cmp, reason = "the values are whole numbers")]
fn a_run_is_measured() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let upstream = Upstream::start();
    scene.write("diskette.yaml", upstream.catalogue(&registry.address(), &IMAGES));
    upstream.publish_release("checksums", "20260518-2118", 3);
    upstream.server.set_answer("/directory/SHA256SUMS", ServerAnswer::Status(404));
    let run = |args: &[&str]| {
        let common = ["sync", "diskette.yaml", "--progress", "none", "--metrics", "m.prom"];
        let more = ["--results-file", "r.json"];
        let ended = scene.run(common.iter().chain(&more).chain(args));
        assert!(ended.status <= 1, "{}", ended.stderr);
        check_by_promtool(&scene, "m.prom");
        read(&String::from_utf8(scene.read("m.prom")).unwrap())
    };
    let before = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    let first = run(&[]);
    let value =
        |metrics: &BTreeMap<String, f64>, key: &str| metrics[&format!("diskette_sync_{key}")];
    assert_eq!(value(&first, "images{outcome=\"published\"}"), 2.0);
    assert_eq!(value(&first, "images{outcome=\"failed\"}"), 1.0);
    assert_eq!(value(&first, "images{outcome=\"unchanged\"}"), 0.0);
    assert_eq!(value(&first, "failed_images"), 1.0);
    let started = value(&first, "start_time_seconds");
    assert!((before.floor()..before + 60.0).contains(&started), "{started}");
    assert!((0.001..60.0).contains(&value(&first, "duration_seconds")));
    // Layers and configs were sent, and nothing twice.
    let results: Value = serde_json::from_slice(&scene.read("r.json")).unwrap();
    let platforms = results.as_object().unwrap().values();
    let platforms = platforms.flat_map(|image| image["Platforms"].as_object().unwrap().values());
    let layers: f64 = platforms.filter_map(|platform| platform["Size"].as_f64()).sum();
    let sent = value(&first, "sent_bytes");
    assert!(layers > 0.0 && (layers..layers + 10_000.0).contains(&sent), "{sent} of {layers}");
    let image = |kind: &str| format!("image=\"{}/disks/{kind}:1\"", registry.address());
    assert_eq!(value(&first, &format!("image_failed{{{}}}", image("directory"))), 1.0);
    assert_eq!(value(&first, &format!("image_failed{{{}}}", image("checksums"))), 0.0);
    // `date -u -d 2026-05-18 +%s`; the others have no date in their names.
    let release = format!("image_release_time_seconds{{{}}}", image("checksums"));
    assert_eq!(value(&first, &release), 1_779_062_400.0);
    assert_eq!(first.keys().filter(|key| key.contains("release_time")).count(), 1);

    let second = run(&[]);
    assert_eq!(value(&second, "images{outcome=\"unchanged\"}"), 2.0);
    assert_eq!(value(&second, "sent_bytes"), 0.0);
    // Files of several parts have no series in common.
    let parts = ["0/2", "1/2"].map(|shard| run(&["--shard", shard]));
    assert!(parts[0].keys().all(|key| !parts[1].contains_key(key)), "{parts:?}");
    let failed = |part: &str| format!("failed_images{{shard=\"{part}\"}}");
    let all = value(&parts[0], &failed("0/2")) + value(&parts[1], &failed("1/2"));
    assert_eq!(all, 1.0);
}

#[test]
fn metrics_that_cannot_be_written_are_reported_first() {
    let scene = Scene::new();
    let upstream = Upstream::start();
    scene.write("diskette.yaml", upstream.catalogue("127.0.0.1:9", &IMAGES));
    let refused = scene.run(["sync", "diskette.yaml", "--metrics", "no/m.prom"]);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.starts_with("error: cannot write `no/m.prom`"), "{}", refused.stderr);
    for option in ["--metrics", "--results-file"] {
        let refused = scene.run(["sync", "diskette.yaml", option, "-"]);
        assert_eq!(refused.status, 1);
        let says = "error: `-` is no name of a file that can be written";
        assert!(refused.stderr.starts_with(says), "{}", refused.stderr);
    }
    assert_eq!(upstream.server.take_requests(), [""; 0]);
    let listed = scene.run(["sync", "diskette.yaml", "--metrics", "m.prom", "--list"]);
    assert_eq!(listed.status, 2);
}
