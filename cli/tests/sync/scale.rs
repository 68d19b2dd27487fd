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

/// How many images the catalogues have, unless the variable says otherwise.
const SIZES: &str = "20,60";

/// Version of a disk that cannot be downloaded.
const BROKEN: u64 = 9;

/// Number of images that a run processes at once.
const WORKERS: &str = "8";

/// By how many MiB memory may grow from the smallest catalogue to the largest.
const MORE_MIB: u64 = 192;

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
    /// Starts servers with `count` images; `limits` are nginx's of each request.
    fn start(count: usize, limits: &str) -> Option<Self> {
        let scene = Scene::new();
        let registry = DockerRegistry::start_open(&scene)?;
        let time = peer::find("time")?;
        let back = registry.address();
        let log = scene.path("requests.log");
        let front = nginx::start_nginx(&scene, "nginx", |port| {
            format!(
                "log_format plain '$connection $request_method $uri $status';\n\
                 limit_conn_zone $server_port zone=all:1m; limit_req_zone $server_port zone=rate:1m rate=20r/s;\n\
                 limit_conn_status 418; limit_req_status 418; {limits}\n\
                 upstream back {{ server {back}; keepalive 32; }}\n\
                 server {{ listen 127.0.0.1:{port}; access_log {} plain; client_max_body_size 0;\n\
                 keepalive_requests 1000000; proxy_http_version 1.1; proxy_set_header Connection '';\n\
                 location / {{ proxy_set_header Host $http_host; proxy_pass http://back; }} }}",
                log.display()
            )
        })?;
        let nothing: [(String, ServerAnswer); 0] = [];
        let fleet = Self {
            upstream: Server::start(nothing),
            scene,
            count,
            front,
            _registry: registry,
            time,
        };
        fleet.publish_disks(|_| 1);
        let list = fleet.upstream.url("/SUMS");
        for number in 0..count {
            let spec = format!(
                "apiVersion: diskette/v1\nimage: {}/many/d{number}\nplatforms: [amd64]\n\
                 release: {{from: checksums, url: \"{list}\", file: 'd{number}-\\d+\\.img'}}\n",
                fleet.front.address(),
            );
            fleet.scene.write(&format!("catalogue/d{number}.yaml"), spec);
        }
        Some(fleet)
    }

    /// Publishes the list, with a version of each disk.
    fn publish_disks(&self, version: impl Fn(usize) -> u64) {
        let mut list = String::new();
        for number in 0..self.count {
            let version = version(number);
            let disk = mixed_bytes(number as u64 * 10 + version, 4096);
            let name = format!("d{number}-{version}.img");
            writeln!(list, "{}  {name}", sha256(&disk)).unwrap();
            let answer = if version == BROKEN {
                ServerAnswer::Status(404)
            } else {
                ServerAnswer::Content(disk)
            };
            self.upstream.set_answer(format!("/{name}"), answer);
        }
        self.upstream.set_answer("/SUMS", ServerAnswer::Content(list.into_bytes()));
    }

    fn spawn(&self, number: usize, args: &[&str]) -> Child {
        let mut time = self.time.command();
        time.args(["-f", "%M", "-o"]).arg(self.scene.path(&format!("time-{number}")));
        let report = self.scene.write(&format!("report-{number}"), "");
        let report = std::fs::File::create(report).unwrap();
        let given = ["sync", "--progress", "none", "--retry", "0", "catalogue"];
        let mut command = self.scene.program_under(time, given.iter().chain(args));
        let stderr = std::fs::File::create(self.scene.path(&format!("stderr-{number}"))).unwrap();
        command.stdout(report).stderr(stderr).spawn().unwrap()
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

    /// Returns the states of the images, as a run has printed them.
    fn states(&self, number: usize) -> Vec<String> {
        let report = String::from_utf8(self.scene.read(&format!("report-{number}"))).unwrap();
        report.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
    }
}

impl Cost {
    fn count(&self, state: &str) -> usize {
        self.states.iter().filter(|found| *found == state).count()
    }

    fn row(&self, count: usize, what: &str) -> String {
        let Self { seconds, peak_mib, requests, connections, lists, .. } = self;
        format!(
            "| {count} | {what} | {seconds:.2} | {peak_mib} | {requests} | {connections} | {lists} |"
        )
    }
}

#[test]
fn cost_grows_with_the_number_of_images() {
    let sizes = std::env::var("DISKETTE_SCALE_IMAGES").unwrap_or_else(|_| SIZES.into());
    let mut first_peak = None;
    for count in sizes.split(',').map(|size| size.parse::<usize>().unwrap()) {
        let Some(fleet) = Fleet::start(count, "") else { return };
        let peak = check_costs(&fleet);
        assert!(peak <= *first_peak.get_or_insert(peak) + MORE_MIB, "{count} images: {peak} MiB");
    }
}

/// Runs `sync` in each situation, and returns the most memory that it took, in MiB.
fn check_costs(fleet: &Fleet) -> u64 {
    let count = fleet.count;
    let few = count.div_ceil(100);
    // The first of each hundred.
    let is_one_of_few = |number: usize| number.is_multiple_of(100);
    let workers = ["--workers", WORKERS];
    let check = |what: &str, runs: &[&[&str]], status: i32, states: &[(&str, usize)]| {
        let cost = fleet.run(runs);
        peer::note_skipped(&cost.row(count, what));
        assert_eq!(cost.status, status, "{what}");
        assert_eq!(cost.states.len(), states.iter().map(|(_, count)| count).sum::<usize>());
        for (state, expected) in states {
            assert_eq!(cost.count(state), *expected, "{what}: {state}");
        }
        cost
    };
    let listed = fleet.run(&[&["--list"]]);
    peer::note_skipped(&listed.row(count, "`--list`"));
    assert_eq!((listed.states.len(), listed.requests, listed.lists), (count, 0, 0));
    let first = check("all are new", &[&workers], 0, &[("published", count)]);
    let unchanged = check("none changed", &[&workers], 0, &[("unchanged", count)]);
    // One request asks which registry it is.
    assert_eq!((unchanged.requests, unchanged.lists), (count + 1, 1));
    assert!(unchanged.connections <= 8, "{unchanged:?}");
    fleet.publish_disks(|number| if is_one_of_few(number) { 2 } else { 1 });
    let states = [("published", few), ("unchanged", count - few)];
    let changed = check("1 % changed", &[&workers], 0, &states);
    let for_each = first.requests.div_ceil(count);
    assert!(changed.requests <= count + 1 + few * (for_each + 4), "{changed:?}");
    fleet.publish_disks(|number| if is_one_of_few(number) { BROKEN } else { 1 });
    let states = [("failed", few), ("unchanged", count - few)];
    let broken = check("1 % cannot be downloaded", &[&workers], 1, &states);
    assert!(broken.requests <= count + 1 + few * for_each, "{broken:?}");
    fleet.publish_disks(|number| if is_one_of_few(number) { 2 } else { 1 });
    let shards: Vec<String> = (0..SHARDS).map(|shard| format!("{shard}/{SHARDS}")).collect();
    let shards: Vec<_> = shards.iter().map(|shard| ["--shard", shard, "--workers", "2"]).collect();
    let shards: Vec<&[&str]> = shards.iter().map(|args| &args[..]).collect();
    let states = [("unchanged", count)];
    let sharded = check("none changed, 8 shards at once", &shards, 0, &states);
    assert!(sharded.requests <= count + SHARDS && sharded.lists <= SHARDS, "{sharded:?}");
    [first, unchanged, changed, broken].iter().map(|cost| cost.peak_mib).max().unwrap()
}

/// A shard that is killed leaves images as they were, or published; the same shard started again, as a Job does,
/// publishes the others.
#[test]
fn a_shard_that_was_killed_is_started_again() {
    let Some(fleet) = Fleet::start(40, "") else { return };
    let shard = |shard: &str| fleet.run(&[&["--shard", shard]]);
    let whole = shard("0/2");
    assert_eq!(whole.status, 0);
    let mine = whole.states.len();
    fleet.publish_disks(|_| 2);
    let mut command = fleet.scene.program(["sync", "catalogue", "--shard", "0/2"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs_f64(whole.seconds / 2.0));
    child.kill().unwrap();
    child.wait().unwrap();
    let again = shard("0/2");
    assert_eq!(again.status, 0, "{}", String::from_utf8_lossy(&fleet.scene.read("stderr-0")));
    assert_eq!(again.count("published") + again.count("unchanged"), mine);
    assert_eq!(shard("0/2").count("unchanged"), mine);
    assert_eq!(shard("1/2").count("published"), fleet.count - mine);
}

/// nginx answers 418 to what is too much, which is not tried again.
#[test]
fn a_server_gets_what_it_can_take() {
    let check = |limits: &str, option: &[&str]| {
        let Some(fleet) = Fleet::start(30, limits) else { return };
        let eager = fleet.run(&[&["--workers", "20"]]);
        assert!(eager.count("failed") > 0, "{limits}: {eager:?}");
        let modest = fleet.run(&[&[&["--workers", "20"], option].concat()]);
        assert_eq!((modest.status, modest.count("failed")), (0, 0), "{limits}: {modest:?}");
        let unchanged = fleet.run(&[&[&["--workers", "20"], option].concat()]);
        assert_eq!(unchanged.count("unchanged"), fleet.count, "{limits}: {unchanged:?}");
    };
    // On a busy machine requests come late, and several at a time.
    check("limit_conn all 4;", &["--max-connections", "3"]);
    check("limit_req zone=rate burst=10 nodelay;", &["--max-requests-per-second", "15"]);
}

/// A copy inside of a registry reads and writes at once, and ends although there is one connection.
#[test]
fn one_connection_is_enough() {
    let Some(fleet) = Fleet::start(4, "") else { return };
    let first = fleet.run(&[&["--workers", "4", "--max-connections", "1"]]);
    assert_eq!((first.status, first.count("published")), (0, 4), "{first:?}");
}
