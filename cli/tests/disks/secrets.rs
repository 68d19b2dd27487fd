//! Downloads with headers from a file and with an authority of their own. The headers go to the server
//! of the URL and to no other, and nothing shows them.
#![expect(
    clippy::too_many_lines,
    reason = "a test is a table of what is done and what is said of it"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use diskette_integration::certificates::{Authority, Validity};
use diskette_integration::disk::{MIB, mixed_bytes};
use diskette_integration::nginx::start_nginx;
use diskette_integration::scene::Scene;
use snapbox::{IntoData, assert_data_eq, file, str};

const TOKEN: &str = "hunter2-and-more";

/// A server that keeps the heads of its requests.
struct Listener {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    /// Starts a server that gives every request one response: the rest of its head, and its body.
    fn start(head: String, body: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let lines: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                log.lock().unwrap().push(lines.join("\n"));
                let len = body.len();
                let _gone = write!(
                    stream,
                    "HTTP/1.1 {head}\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n"
                )
                .and_then(|()| stream.write_all(&body));
            }
        });
        Self { address, heads }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.heads.lock().unwrap())
    }
}

#[test]
fn headers_go_to_the_server_of_the_url_alone() {
    let scene = Scene::new();
    let disk = mixed_bytes(1, MIB);
    let mirror = Listener::start("200 OK".into(), disk.clone());
    let target = format!("http://{}/disk.raw", mirror.address);
    let first = Listener::start(format!("302 Found\r\nLocation: {target}"), Vec::new());
    scene.write(
        "headers",
        format!("# The token of an export.\n\nx-kubevirt-export-token: {TOKEN}\nX-Other: a:b\n"),
    );
    let spec = |address: SocketAddr| {
        scene.write_spec(&format!(
            "amd64: {{ disk: {{ url: 'http://{address}/disk.raw', headers-file: headers }} }}"
        ));
    };
    spec(mirror.address);
    let args = ["build", "-o", "out", "--allow-unverified", "--no-cache", "--debug"];
    let outcome = scene.run(args);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let heads = mirror.take();
    let sent = format!("x-kubevirt-export-token: {TOKEN}");
    assert!(!heads.is_empty() && heads.iter().all(|head| head.contains(&sent)), "{heads:?}");
    assert!(heads.iter().all(|head| head.contains("X-Other: a:b")), "{heads:?}");
    let printed = [outcome.stderr.clone(), String::from_utf8_lossy(&outcome.stdout).into_owned()];
    assert!(!printed.concat().contains(TOKEN));
    // A redirect leads elsewhere.
    spec(first.address);
    let outcome = scene.run(args);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert!(first.take().iter().all(|head| head.contains(&sent)));
    let heads = mirror.take();
    assert!(!heads.is_empty() && !heads.iter().any(|head| head.contains(TOKEN)), "{heads:?}");
    assert!(!heads.iter().any(|head| head.contains("X-Other")), "{heads:?}");
    assert!(!outcome.stderr.contains(TOKEN), "{}", outcome.stderr);
    // Nothing that was written has it.
    let files = walk(&scene.path("out"));
    assert!(!files.is_empty());
    for file in files {
        let bytes = std::fs::read(file).unwrap();
        assert!(!bytes.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes()));
    }
}

fn walk(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn an_authority_is_trusted_for_one_download() {
    let scene = Scene::new();
    let Some(authority) = Authority::new(&scene, "ca") else { return };
    let pair = authority.issue("server", "IP:127.0.0.1", Validity::Good);
    scene.write("www/disk.raw", mixed_bytes(1, MIB));
    let root = scene.path("www");
    let config = |port: u16| {
        format!(
            "server {{ listen 127.0.0.1:{port} ssl; root {}; ssl_certificate {}; ssl_certificate_key {}; }}",
            root.display(),
            pair.certificate.display(),
            pair.key.display()
        )
    };
    let Some(nginx) = start_nginx(&scene, "nginx", config) else { return };
    let url = format!("https://{}/disk.raw", nginx.address());
    let args = ["build", "-o", "out", "--allow-unverified", "--no-cache"];
    scene.write_spec(&format!("amd64: {{ disk: {{ url: '{url}' }} }}"));
    let outcome = scene.run(args);
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    let ca = authority.own.certificate.display().to_string();
    scene.write_spec(&format!("amd64: {{ disk: {{ url: '{url}', ca-file: '{ca}' }} }}"));
    let outcome = scene.run(args);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
}

/// Runs a build that must fail and change nothing, and compares everything that is printed.
fn check(scene: &Scene, details: &str, expected: impl IntoData) {
    scene.write_spec(&format!("amd64: {{ disk: {{ {details} }} }}"));
    let command = scene.program(["build", "-o", "out", "--allow-unverified"]);
    assert_data_eq!(scene.run_refused(command), expected.raw());
}

#[test]
fn files_of_requests_are_checked() {
    let scene = Scene::with_disk();
    let https = "url: 'https://127.0.0.1:9/d.raw'";
    scene.write("headers", "token\n");
    check(
        &scene,
        &format!("{https}, headers-file: headers"),
        file!["../../errors/disks/cannot-use-line-is-no-header.stderr"],
    );
    scene.write("headers", "\nHost: example.com\n");
    check(
        &scene,
        &format!("{https}, headers-file: headers"),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `https://127.0.0.1:9/d.raw`: `headers`: line 2 is a header that the client sets itself
 --> ./diskette.yaml:5:25
  |
5 |   amd64: { disk: { url: 'https://127.0.0.1:9/d.raw', headers-file: headers } }
  |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: `headers-file` has lines like `Authorization: Bearer TOKEN`, `ca-file` certificates as PEM; both are for https URLs

"#]],
    );
    scene.write("headers", "a: b\n");
    check(
        &scene,
        "url: 'http://example.com/d.raw', headers-file: headers",
        file!["../../errors/disks/cannot-use-its-headers-would-be-sent.stderr"],
    );
    check(
        &scene,
        &format!("{https}, headers-file: none"),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `https://127.0.0.1:9/d.raw`: `none`: it cannot be read: No such file or directory (os error 2)
 --> ./diskette.yaml:5:25
  |
5 |   amd64: { disk: { url: 'https://127.0.0.1:9/d.raw', headers-file: none } }
  |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: `headers-file` has lines like `Authorization: Bearer TOKEN`, `ca-file` certificates as PEM; both are for https URLs

"#]],
    );
    check(
        &scene,
        &format!("{https}, ca-file: headers"),
        file!["../../errors/disks/cannot-use-it-has-no-certificates-as-pem.stderr"],
    );
    check(
        &scene,
        "path: disk.raw, headers-file: headers, ca-file: headers",
        str![[r#"
status: 1
stdout:
stderr:
error: `headers-file` is for downloads
 --> ./diskette.yaml:5:50
  |
5 |   amd64: { disk: { path: disk.raw, headers-file: headers, ca-file: headers } }
  |                                                  ^^^^^^^
  |
  = help: use `url:`, or remove `headers-file`
error: `ca-file` is for downloads
 --> ./diskette.yaml:5:68
  |
5 |   amd64: { disk: { path: disk.raw, headers-file: headers, ca-file: headers } }
  |                                                                    ^^^^^^^
  |
  = help: use `url:`, or remove `ca-file`

"#]],
    );
}

#[test]
fn headers_are_lines_of_text() {
    let scene = Scene::new();
    scene
        .write_spec("amd64: { disk: { url: 'https://127.0.0.1:9/d.raw', headers-file: headers } }");
    let check = |headers: &[u8], expected: &str| {
        scene.write("headers", headers);
        let args = ["build", "-o", "out", "--allow-unverified"];
        let said = scene.run_refused(scene.program(args));
        assert!(said.contains(&format!("`headers`: {expected}\n")), "{said}");
    };
    check(b"a: \xff\n", "it is not UTF-8");
    check(&b"# \n".repeat(400_000), "it is too long");
    check(b"a b: c\n", "line 1 has no name of a header before the colon");
    check(b"a: b\nc:\n", "line 2 has no value, or a control character in it");
}
