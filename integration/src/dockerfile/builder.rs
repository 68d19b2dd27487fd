//! The **builders** that build a case: the program under test, and buildah.

use std::path::Path;
use std::process::Command;

use super::base::{Base, TAG};
use super::built::BuiltImage;
use super::case::{Case, ExpectedResult, ImageChange};
use crate::peer::Peer;
use crate::scene::Scene;

/// Beginning of the output of `--version` of the buildah that the cases were written with.
const RECORDED: &str = "buildah version 1.28.";

/// Exit status of a Rust program that panicked.
const PANIC: i32 = 101;
/// Lowest exit status of a program that a signal ended.
const SIGNAL: i32 = 128;

/// Result of a build.
#[derive(Debug)]
pub enum Outcome {
    /// An image.
    Built(BuiltImage),
    /// No image; the error message.
    Refused(String),
    /// An image that cannot be read; the reason.
    Unreadable(String),
    /// A panic or a signal, which is never a valid result; the error output.
    Crashed(String),
}

/// Whether buildah has the version that the cases were written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// It has that version: it must differ from the case in all accepted differences.
    Recorded,
    /// It has another version, in which accepted differences may have been fixed.
    Other,
}

/// diskette, with the bases as build contexts.
#[derive(Debug)]
pub struct Diskette<'a> {
    /// Directory in which it runs.
    pub scene: &'a Scene,
    /// Bases that `FROM` can name.
    pub bases: &'a [Base],
}

/// buildah, with a storage that has the bases as images of the host `localhost`.
#[derive(Debug)]
pub struct Buildah<'a> {
    program: Peer,
    scene: &'a Scene,
    /// Whether its version is that of the cases.
    pub version: Version,
}

impl Diskette<'_> {
    /// Builds the case whose context is in a directory of the scene.
    pub fn build(&self, case: &Case, directory: &str) -> Outcome {
        self.scene
            .allow_bad_images("cases are about trees: what they have in /disk is seldom a disk");
        let output = self.scene.path(&format!("{directory}/diskette"));
        let mut command = self.scene.program(["build", "-q", "-t", "localhost/case:1"]);
        for Base { name, layout, .. } in self.bases {
            let context = format!("{name}=oci-layout://{}:{TAG}", layout.display());
            command.args(["--build-context", &context]);
        }
        command.arg("-o").arg(format!("oci:{}", output.display()));
        run(self.scene, command, case, directory).unwrap_or_else(|| read(&output))
    }
}

impl<'a> Buildah<'a> {
    /// Makes a storage in the scene and loads the bases into it.
    pub fn new(program: Peer, scene: &'a Scene, bases: &[Base]) -> Self {
        scene.write("policy.json", r#"{"default":[{"type":"insecureAcceptAnything"}]}"#);
        let recorded = program.run(["--version"]).starts_with(RECORDED);
        let version = if recorded { Version::Recorded } else { Version::Other };
        let buildah = Self { program, scene, version };
        for base in bases {
            let from = format!("dir:{}", base.directory.display());
            let id = buildah.run(&["pull", "-q", "--signature-policy", &buildah.policy(), &from]);
            buildah.run(&["tag", id.trim(), &format!("localhost/{}", base.name)]);
        }
        buildah
    }

    /// Builds the case whose context is in a directory of the scene.
    ///
    /// The image has Docker's format: in OCI's, buildah drops the fields that only Docker's config has.
    pub fn build(&self, case: &Case, directory: &str) -> Outcome {
        let output = self.scene.path(&format!("{directory}/buildah"));
        let to = format!("dir:{}", output.display());
        // It writes directly to a directory, except if nothing has changed: then it would write nothing.
        let changes = matches!(&case.expected, ExpectedResult::Image(Some(change)) if *change != ImageChange::default());
        let is_direct = changes || matches!(case.expected, ExpectedResult::Failure(_));
        let name = if is_direct { &to } else { "localhost/case" };
        let mut command = self.command(&["build", "-q", "--isolation", "chroot"]);
        command.args(["--format", "docker", "--pull-never", "-t", name]);
        command.args(["--signature-policy", &self.policy()]);
        if let Some(refused) = run(self.scene, command, case, directory) {
            return refused;
        }
        if !is_direct {
            self.run(&["push", "-q", "--signature-policy", &self.policy(), name, &to]);
            self.run(&["rmi", "-f", name]);
        }
        read(&output)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.program.command();
        command.current_dir(self.scene.path(""));
        command.arg("--root").arg(self.scene.path("storage"));
        command.arg("--runroot").arg(self.scene.path("run"));
        command.args(["--storage-driver", "vfs"]).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> String {
        let outcome = self.scene.run_command(self.command(args));
        assert_eq!(outcome.status, 0, "buildah {args:?}: {}", outcome.stderr);
        String::from_utf8(outcome.stdout).unwrap()
    }

    fn policy(&self) -> String {
        self.scene.path("policy.json").display().to_string()
    }
}

/// Adds the arguments of the case and runs the command; returns the outcome if the build fails.
fn run(scene: &Scene, mut command: Command, case: &Case, directory: &str) -> Option<Outcome> {
    let context = format!("{directory}/context");
    let full = scene.path(&context).display().to_string();
    command.args(case.args.iter().map(|arg| arg.replace("{context}", &full)));
    command.envs(case.env.iter().map(|(name, value)| (name, value)));
    if !case.args.iter().any(|arg| arg == "-f") {
        command.args(["-f", &format!("{context}/Dockerfile")]);
    }
    command.arg(&context);
    let outcome = scene.run_command(command);
    match outcome.status {
        0 => None,
        PANIC | SIGNAL.. => Some(Outcome::Crashed(outcome.stderr)),
        _ => Some(Outcome::Refused(outcome.stderr)),
    }
}

fn read(image: &Path) -> Outcome {
    BuiltImage::read(image).map_or_else(Outcome::Unreadable, Outcome::Built)
}
