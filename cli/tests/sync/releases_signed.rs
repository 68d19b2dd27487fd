//! Lists are taken from those who signed them, as long as their keys are good.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use diskette_integration::peer;
use diskette_integration::scene::Scene;
use diskette_integration::server::{Server, ServerAnswer};

/// When keys and signatures are made that are old by now.
const THEN: [&str; 2] = ["--faked-system-time", "20200101T000000"];

/// A list, and the GNU Privacy Guard with keys of its own. The agent that it starts ends with it.
struct Stage {
    scene: Scene,
    home: PathBuf,
    list: Vec<u8>,
}

impl Stage {
    fn new() -> Option<Self> {
        for program in ["gpg", "gpg-agent", "gpgconf", "gpgv"] {
            peer::find(program)?;
        }
        let scene = Scene::new();
        let home = scene.path("gnupg");
        std::fs::create_dir(&home).unwrap();
        std::fs::set_permissions(&home, Permissions::from_mode(0o700)).unwrap();
        let list = format!("{}  d-1.2.img\n", "a".repeat(64)).into_bytes();
        scene.write("SUMS", &list);
        Some(Self { scene, home, list })
    }

    fn gpg(&self, args: &[&str]) -> String {
        let mut command = Command::new("gpg");
        command.args(["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]);
        let output = command.arg("--homedir").arg(&self.home).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn path(&self, name: &str) -> String {
        self.scene.path(name).display().to_string()
    }

    /// Makes a key that is good for so long, and returns its fingerprint.
    fn key(&self, user: &str, before: &[&str], good_for: &str) -> String {
        let make = ["--quick-generate-key", user, "ed25519", "sign", good_for];
        self.gpg(&[before, &make].concat());
        let listed = self.gpg(&["--with-colons", "--list-keys", user]);
        let line = listed.lines().find(|line| line.starts_with("fpr:")).unwrap();
        line.trim_start_matches("fpr:").trim_matches(':').to_owned()
    }

    /// Signs the list, and returns the signature.
    fn sign(&self, user: &str, before: &[&str], how: &str) -> Vec<u8> {
        let (list, output) = (self.path("SUMS"), self.path(&format!("{user}.sig")));
        let args = ["--yes", "--local-user", user, "--output", &output, how, &list];
        self.gpg(&[before, &args].concat());
        std::fs::read(output).unwrap()
    }

    /// Writes a keyring that has one key.
    fn export(&self, user: &str, name: &str) {
        self.gpg(&["--yes", "--output", &self.path(name), "--export", user]);
    }

    /// Looks for the release in a list with a signature beside it.
    fn check(&self, list: &[u8], signature: Option<&[u8]>, keys: &str, expected: Result<(), &str>) {
        let list = ("/SUMS", ServerAnswer::Content(list.to_vec()));
        let signature = signature.map(|it| ("/SUMS.gpg", ServerAnswer::Content(it.to_vec())));
        let server = Server::start([list].into_iter().chain(signature));
        let text = format!(
            "apiVersion: diskette/v1\nimage: example.com/d\nplatforms: [linux/amd64]\nrelease:\n  \
             from: checksums\n  url: {}\n  file: d-(?<version>.*)[.]img\n{keys}",
            server.url("/SUMS")
        );
        self.scene.write("diskette.yaml", text);
        let outcome = self.scene.run(["releases", "diskette.yaml"]);
        match expected {
            Ok(()) => assert_eq!((outcome.status, outcome.stderr.as_str()), (0, "")),
            Err(why) => {
                assert_eq!(outcome.status, 1, "{why}");
                assert!(outcome.stderr.contains(why), "{why}: {}", outcome.stderr);
                assert!(outcome.stdout.is_empty());
            }
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let mut command = Command::new("gpgconf");
        command.arg("--homedir").arg(&self.home).args(["--kill", "all"]).status().unwrap();
    }
}

#[test]
fn lists_are_taken_from_those_who_sign_them() {
    let Some(stage) = Stage::new() else { return };
    let (us, them) = ("us@example.com", "them@example.com");
    let (ours, theirs) = (stage.key(us, &[], "never"), stage.key(them, &[], "never"));
    stage.scene.write("us.asc", stage.gpg(&["--armor", "--export", us]));
    stage.export(&ours, "us.gpg");
    let detached = stage.sign(us, &[], "--detach-sign");
    let foreign = stage.sign(them, &[], "--detach-sign");
    let inline = stage.sign(us, &[], "--clear-sign");
    let mut changed = inline.clone();
    let at = changed.windows(5).position(|part| part == b"d-1.2").unwrap();
    changed[at + 2] = b'9';
    let more = [&stage.list[..], b"more"].concat();
    let pinned = format!("  keyring: us.gpg\n  fingerprints: [{ours}]\n");
    let other = format!("  keyring: us.asc\n  fingerprints: [{theirs}]\n");
    let check = |list: &[u8], signature: Option<&[u8]>, keys: &str, expected| {
        stage.check(list, signature, keys, expected);
    };
    let plain = &stage.list[..];
    check(plain, Some(&detached), "  keyring: us.asc\n", Ok(()));
    check(plain, Some(&detached), &pinned, Ok(()));
    check(&inline, None, &pinned, Ok(()));
    check(&inline, None, "", Ok(()));
    check(plain, None, &pinned, Err("does not hold: there is none, neither in it nor beside it"));
    check(plain, Some(b""), &pinned, Err("there is no signature that gpgv can read"));
    check(plain, Some(&foreign), &pinned, Err("is not in `us.gpg`"));
    check(plain, Some(&detached), &other, Err("which is not among the `fingerprints`"));
    check(&changed, None, &pinned, Err("it is not the signature of this text"));
    check(plain, Some(&detached), "  keyring: gone.asc\n", Err("cannot read"));
    check(&more, Some(&detached), &pinned, Err("it is not the signature of this text"));
}

#[test]
fn keys_and_signatures_have_to_be_good_still() {
    let Some(stage) = Stage::new() else { return };
    let check = |user: &str, signature: &[u8], why: &str| {
        let keyring = format!("{user}.gpg");
        stage.export(user, &keyring);
        let keys = format!("  keyring: {keyring}\n");
        stage.check(&stage.list, Some(signature), &keys, Err(why));
    };
    let (old, brief, gone) = ("old@example.com", "brief@example.com", "gone@example.com");
    stage.key(old, &THEN, "1d");
    check(old, &stage.sign(old, &THEN, "--detach-sign"), "the key had expired");
    stage.key(brief, &THEN, "never");
    let for_a_day = [&THEN[..], &["--default-sig-expire", "1d"]].concat();
    check(brief, &stage.sign(brief, &for_a_day, "--detach-sign"), "it has expired");
    let revoked = stage.key(gone, &[], "never");
    let signature = stage.sign(gone, &[], "--detach-sign");
    // gpg makes a revocation with each key, behind a colon that has to be taken away.
    let certificate = stage.home.join(format!("openpgp-revocs.d/{revoked}.rev"));
    let text = std::fs::read_to_string(&certificate).unwrap().replace(":-----", "-----");
    std::fs::write(&certificate, text).unwrap();
    stage.gpg(&["--import", certificate.to_str().unwrap()]);
    check(gone, &signature, "the key was revoked");
}

/// An image of diskette alone has no gpgv.
#[test]
fn signatures_are_not_checked_without_gpgv() {
    let scene = Scene::new();
    let list = format!("{}  d-1.2.img\n", "a".repeat(64)).into_bytes();
    let server = Server::start([("/SUMS", ServerAnswer::Content(list))]);
    scene.write("us.gpg", "a key");
    let text = format!(
        "apiVersion: diskette/v1\nimage: example.com/d\nplatforms: [linux/amd64]\nrelease:\n  from: checksums\n  url: {}\n  \
         file: d-(?<version>.*)[.]img\n  keyring: us.gpg\n",
        server.url("/SUMS")
    );
    scene.write("diskette.yaml", text);
    let mut command = scene.program(["releases", "diskette.yaml"]);
    command.env("PATH", "/nonexistent");
    let said = scene.run_refused(command);
    assert!(said.contains("cannot be checked: gpgv is not installed (package gpgv)"), "{said}");
    assert!(said.contains("install what is missing"), "{said}");
}
