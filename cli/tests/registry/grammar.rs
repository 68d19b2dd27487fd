//! Names that are nearly valid: what this program takes for a repository, a tag or a digest is what a registry
//! takes for one.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::image::tag::Tag;
use diskette_integration::disk::{noise_bytes, sha256, sha512};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::scene::Scene;

/// How many names of each kind are compared: `$DISKETTE_GRAMMAR_NAMES`, for soak tests, or as many as take a
/// second.
fn count() -> usize {
    std::env::var("DISKETTE_GRAMMAR_NAMES").map_or(300, |count| count.parse().unwrap())
}

/// A connection to a registry.
struct Connection {
    address: String,
    reader: BufReader<TcpStream>,
}

impl Connection {
    fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { address: address.into(), reader: BufReader::new(stream) }
    }

    /// Sends a request, and returns status and body.
    fn send(&mut self, method: &str, path: &str, body: &str) -> (u16, String) {
        let kind = "application/vnd.oci.image.index.v1+json";
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.reader.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut status, mut len) = (None, 0);
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).unwrap();
            let line = line.trim_end().to_ascii_lowercase();
            if status.is_none() {
                status = line.split(' ').nth(1).map(|status| status.parse().unwrap());
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                len = value.parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; len];
        self.reader.read_exact(&mut body).unwrap();
        (status.unwrap(), String::from_utf8(body).unwrap())
    }
}

/// Escapes a part of a path, except for slashes.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'/' | b'.' | b'_' | b'-' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

/// Makes names of valid ones by small changes, always the same.
struct Mutator {
    noise: std::vec::IntoIter<u8>,
    /// What is put into names.
    parts: &'static [&'static str],
}

impl Mutator {
    fn new(seed: u64, parts: &'static [&'static str]) -> Self {
        Self { noise: noise_bytes(seed, count() * 64).into_iter(), parts }
    }

    fn below(&mut self, bound: usize) -> usize {
        let [low, high] = [self.noise.next().unwrap_or(0), self.noise.next().unwrap_or(0)];
        usize::from(u16::from_le_bytes([low, high])) % bound
    }

    fn choose<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// Returns a name that differs from a valid one in up to three places.
    fn mutate(&mut self, valid: &str) -> String {
        let mut chars: Vec<char> = valid.chars().collect();
        for _ in 0..self.below(4) {
            let at = self.below(chars.len() + 1);
            let end = (at + self.below(3)).min(chars.len());
            let part = if self.below(4) == 0 { "" } else { self.choose(self.parts) };
            chars.splice(at..end, part.chars());
        }
        chars.into_iter().collect()
    }
}

/// Compares this program with a registry; returns how many names both accept.
#[expect(clippy::print_stdout, reason = "the figures of soak tests are shown")]
fn compare(
    kind: &str,
    names: impl Iterator<Item = String>,
    ours: impl Fn(&str) -> bool,
    mut theirs: impl FnMut(&str) -> bool,
) -> usize {
    let (mut both, mut all, mut differences) = (0, 0, Vec::new());
    for name in names.filter(|name| !name.is_empty()) {
        let (our, their) = (ours(&name), theirs(&name));
        all += 1;
        both += usize::from(our && their);
        if our != their {
            differences.push(format!("{name:?}: we {our}, the registry {their}"));
        }
    }
    println!("{all} names as {kind}: both accept {both}, {} differ", differences.len());
    assert!(differences.is_empty(), "{kind}:\n{}", differences.join("\n"));
    both
}

/// What is put into repositories: separators, characters of other parts of a name, and much.
const REPOSITORY_PARTS: &[&str] = &[
    "a",
    "0",
    "9z",
    "A",
    "Z",
    ".",
    "_",
    "-",
    "__",
    "___",
    "--",
    "---",
    "..",
    "._",
    "-_",
    "_.",
    "/",
    "//",
    ":",
    "@",
    "%",
    "%41",
    " ",
    "+",
    "~",
    "ä",
    "é",
    "\u{131}",
    "\u{212a}",
    "\u{ff10}",
    "\t",
    "\n",
    "\0",
    "*",
    "a/",
    "/b",
    "manifests",
    "blobs",
    "tags/list",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
];

#[test]
fn repositories_are_what_a_registry_takes_for_them() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let mut connection = Connection::open(&registry.address());
    let mut mutator = Mutator::new(1, REPOSITORY_PARTS);
    let long = ["x".repeat(250), format!("{}/b", "y".repeat(252)), "a/".repeat(127) + "b"];
    let mut valid =
        vec!["a", "me/fedora", "a/b/c/d", "a__b", "a--b/c.d_e", "0/1", "library/debian"];
    valid.extend(long.iter().map(String::as_str));
    let names = (0..count()).map(|_| {
        let name = mutator.choose(&valid);
        mutator.mutate(name)
    });
    let ours = |name: &str| {
        let parsed = format!("registry.example:5000/{name}").parse::<Reference>();
        parsed.is_ok_and(|reference| reference.repository() == name)
    };
    let both = compare("repositories", names, ours, |name| {
        // A path with `..` or `//` is another path, to which the registry redirects.
        let (status, body) =
            connection.send("GET", &format!("/v2/{}/tags/list", escaped(name)), "");
        match status {
            // Distribution 2 takes the first part for a host, which may have upper case; docker and podman
            // refuse such a repository.
            404 => {
                let first = name.split('/').next().unwrap();
                body.contains("NAME_UNKNOWN")
                    && !first.contains(|char: char| char.is_ascii_uppercase())
            }
            301 | 400 => false,
            // Distribution 2 has no status for a name that is too long.
            500 if body.contains(r#""Reason":{}"#) => false,
            other => panic!("{name:?}: {other} {body}"),
        }
    });
    assert!(both > count() / 10, "{both}");
}

const TAG_PARTS: &[&str] = &[
    "a",
    "Z",
    "0",
    "_",
    ".",
    "-",
    "--",
    "..",
    "._",
    "+",
    "~",
    ":",
    "@",
    " ",
    "%",
    "ä",
    "\u{131}",
    "\u{212a}",
    "\t",
    "\n",
    "\0",
    "*",
    "=",
    "sha256:",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
];

#[test]
fn tags_are_what_a_registry_takes_for_them() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let mut connection = Connection::open(&registry.address());
    let mut mutator = Mutator::new(2, TAG_PARTS);
    let long = ["x".repeat(127), "y".repeat(128)];
    let mut valid = vec!["latest", "1.2.3", "v1_2-rc.1", "_", "A", "0", "20260101-0000"];
    valid.extend(long.iter().map(String::as_str));
    let names = (0..count()).map(|_| {
        let name = mutator.choose(&valid);
        mutator.mutate(name)
    });
    let index = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    let both = compare(
        "tags",
        names,
        |name| name.parse::<Tag>().is_ok(),
        |name| {
            let (status, body) =
                connection.send("PUT", &format!("/v2/a/manifests/{}", escaped(name)), index);
            match status {
                201 => true,
                301 | 400 | 404 | 405 => false,
                // Distribution 2 takes what is nearly a digest for a tag, and cannot store it.
                500 if name.contains(':') => false,
                other => panic!("{name:?}: {other} {body}"),
            }
        },
    );
    assert!(both > count() / 10, "{both}");
}

const DIGEST_PARTS: &[&str] = &[
    "0",
    "f",
    "g",
    "F",
    "A",
    ":",
    "::",
    "-",
    "+",
    ".",
    " ",
    "ä",
    "sha256",
    "sha384:",
    "sha512:",
    "sha1:",
    "md5:",
    "SHA256:",
    "00000000000000000000000000000000",
];

#[test]
fn digests_are_what_a_registry_takes_for_them() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let mut connection = Connection::open(&registry.address());
    let mut mutator = Mutator::new(3, DIGEST_PARTS);
    let sha256 = sha256(b"");
    let hex = sha256.strip_prefix("sha256:").unwrap_or(&sha256);
    let sha512 = sha512(b"");
    let long = sha512.strip_prefix("sha512:").unwrap_or(&sha512);
    let valid = [
        format!("sha256:{hex}"),
        format!("sha512:{long}"),
        format!("sha384:{}", &long[..96]),
        format!("sha1:{}", &hex[..40]),
        format!("sha256:{}", hex.to_uppercase()),
        format!("sha256:{}", &hex[..32]),
        format!("sha512:{hex}"),
        format!("sha256+b64:{hex}"),
    ];
    let valid: Vec<&str> = valid.iter().map(String::as_str).collect();
    let names = (0..count()).map(|_| {
        let name = mutator.choose(&valid);
        mutator.mutate(name)
    });
    let ours = |name: &str| {
        let parsed = format!("registry.example:5000/a@{name}").parse::<Reference>();
        parsed.is_ok_and(|reference| reference.digest() == Some(name))
    };
    let both = compare("digests", names, ours, |name| {
        let (status, body) = connection.send("GET", &format!("/v2/a/blobs/{}", escaped(name)), "");
        match status {
            404 => body.contains("BLOB_UNKNOWN") || body.contains("NAME_UNKNOWN"),
            301 | 400 => false,
            other => panic!("{name:?}: {other} {body}"),
        }
    });
    assert!(both > count() / 10, "{both}");
}
