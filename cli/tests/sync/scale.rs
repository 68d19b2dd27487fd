//! What a catalogue costs when it has many images: requests, connections, memory and time, all of which may grow no
//! faster than the number of images. `$DISKETTE_SCALE_IMAGES`, e.g. `100,1000,10000`, are the sizes that are measured; the
//! table of docs/sync.md is what is reported then.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use diskette_integration::daemon::Daemon;
use diskette_integration::disk::{mixed_bytes, sha256};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::nginx;
use diskette_integration::peer::{self, Peer};
use diskette_integration::scene::Scene;
use diskette_integration::server::{Server, ServerAnswer};
use serde_json::Value;

/// How many images the catalogues have, unless the variable says otherwise.
const SIZES: &str = "20,100";

/// Number of parts in which a catalogue is processed at once.
const SHARDS: usize = 8;

/// A catalogue whose images are in one list, published through nginx, which logs requests.
struct Fleet {
    scene: Scene,
    count: usize,
    upstream: Server,
    front: Daemon,
    _registry: DockerRegistry,
    time: Peer,
}

/// What a run has cost.
#[derive(Debug)]
struct Cost {
    status: i32,
    seconds: f64,
    peak_mib: u64,
    requests: usize,
    connections: usize,
    lists: usize,
    /// The states of the images.
    states: Vec<String>,
}

impl Fleet {
    fn start(count: usize) -> Option<Self> {
        let scene = Scene::new();
        let registry = DockerRegistry::start_open(&scene)?;
        let time = peer::find("time")?;
        let back = registry.address();
        let log = scene.path("requests.log");
        let front = nginx::start_nginx(&scene, "nginx", |port| {
            format!(
                "log_format plain '$connection $request_method $uri $status';\n\
                 upstream back {{ server {back}; keepalive 32; }}\n\
                 server {{ listen 127.0.0.1:{port}; access_log {} plain; client_max_body_size 0;\n\
                 keepalive_requests 1000000; proxy_http_version 1.1; proxy_set_header Connection '';\n\
                 location / {{ proxy_set_header Host $http_host; proxy_pass http://back; }} }}",
                log.display()
            )
        })?;
        let nothing: [(String, ServerAnswer); 0] = [];
        let fleet = Self { upstream: Server::start(nothing), scene, count, front, _registry: registry, time };
        fleet.publish_disks(|_| 1);
        let list = fleet.upstream.url("/SUMS");
        let mut catalogue = String::new();
        for number in 0..count {
            writeln!(
                catalogue,
                "---\napiVersion: diskette/v1\nimage: {}/many/d{number}\nplatforms: [amd64]\n\
                 release: {{from: checksums, url: \"{list}\", file: 'd{number}-\\d+\\.img'}}",
                fleet.front.address(),
            )
            .unwrap();
        }
        fleet.scene.write("diskette.yaml", catalogue);
        Some(fleet)
    }

    /// Publishes the list, with a version of each disk; version 0 is one that cannot be downloaded.
    fn publish_disks(&self, version: impl Fn(usize) -> u64) {
        let mut list = String::new();
        for number in 0..self.count {
            let version = version(number);
            let disk = mixed_bytes(number as u64 * 10 + version, 4096);
            let name = format!("d{number}-{version}.img");
            writeln!(list, "{}  {name}", sha256(&disk)).unwrap();
            let answer =
                if version == 9 { ServerAnswer::Status(404) } else { ServerAnswer::Content(disk) };
            self.upstream.set(&format!("/{name}"), answer);
        }
        self.upstream.set("/SUMS", ServerAnswer::Content(list.into_bytes()));
    }

    fn spawn(&self, number: usize, args: &[&str]) -> Child {
        let mut time = self.time.command();
        time.args(["-f", "%M", "-o"]).arg(self.scene.path(&format!("time-{number}")));
        let results = format!("results-{number}.json");
        let given = ["sync", "--progress", "none", "--retry", "0", "--results-file", &results, "diskette.yaml"];
        let mut command = self.scene.program_under(time, given.iter().chain(args));
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Runs `sync` once for each list of arguments, all at once.
    fn run(&self, runs: &[&[&str]]) -> Cost {
        let log = self.scene.path("requests.log");
        let before = std::fs::read_to_string(&log).unwrap_or_default().lines().count();
        self.upstream.take_requests();
        let started = Instant::now();
        let children: Vec<Child> =
            runs.iter().enumerate().map(|(number, args)| self.spawn(number, args)).collect();
        let status = |mut child: Child| child.wait().unwrap().code().unwrap();
        let status = children.into_iter().map(status).max().unwrap();
        let seconds = started.elapsed().as_secs_f64();
        let peak = |number: usize| {
            let text = self.scene.read(&format!("time-{number}"));
            let text = String::from_utf8(text).unwrap();
            text.lines().last().unwrap().parse::<u64>().unwrap() / 1024
        };
        // nginx writes its line after the response.
        std::thread::sleep(Duration::from_millis(300));
        let log = std::fs::read_to_string(log).unwrap();
        let requests: Vec<&str> = log.lines().skip(before).collect();
        let connections = requests.iter().filter_map(|line| line.split(' ').next());
        let lists = self.upstream.take_requests().iter().filter(|path| *path == "/SUMS").count();
        Cost {
            status,
            seconds,
            peak_mib: (0..runs.len()).map(peak).max().unwrap(),
            requests: requests.len(),
            connections: connections.collect::<BTreeSet<_>>().len(),
            lists,
            states: (0..runs.len()).flat_map(|number| self.states(number)).collect(),
        }
    }

    fn states(&self, number: usize) -> Vec<String> {
        let results = self.scene.read(&format!("results-{number}.json"));
        let results: Value = serde_json::from_slice(&results).unwrap();
        let all = results.as_object().unwrap().values().cloned().collect::<Vec<_>>();
        all.iter().map(|result| result["State"].as_str().unwrap_or("?").to_owned()).collect()
    }
}

impl Cost {
    fn count(&self, state: &str) -> usize {
        self.states.iter().filter(|found| *found == state).count()
    }

    fn row(&self, count: usize, what: &str) -> String {
        let Self { seconds, peak_mib, requests, connections, lists, .. } = self;
        format!("| {count} | {what} | {seconds:.2} | {peak_mib} | {requests} | {connections} | {lists} |")
    }
}

#[test]
fn cost_grows_with_the_number_of_images() {
    let sizes = std::env::var("DISKETTE_SCALE_IMAGES").unwrap_or_else(|_| SIZES.into());
    for count in sizes.split(',').map(|size| size.parse::<usize>().unwrap()) {
        let Some(fleet) = Fleet::start(count) else { return };
        let report = |what: &str, cost: &Cost| peer::note_skipped(&cost.row(count, what));
        let listed = fleet.run(&[&["--list"]]);
        report("list", &listed);
        let workers = ["--workers", "8"];
        let first = fleet.run(&[&workers]);
        report("all new", &first);
        eprintln!("{first:?}");
        let unchanged = fleet.run(&[&workers]);
        report("unchanged", &unchanged);
        eprintln!("{unchanged:?}");
    }
}
