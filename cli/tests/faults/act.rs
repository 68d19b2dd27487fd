//! An *act* is a command with what it changes: every point of it leaves the old state or the new one.

use std::process::Command;

use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::Scene;
use diskette_integration::upstream::Upstream;

/// Where an act takes place.
pub(crate) struct Site {
    pub(crate) scene: Scene,
    pub(crate) registry: Registry,
    pub(crate) upstream: Option<Upstream>,
}

/// A command of the program and what it changes.
pub(crate) struct Act {
    pub(crate) name: &'static str,
    /// Makes what the act begins with.
    pub(crate) prepare: fn(&Site),
    pub(crate) args: fn(&Site) -> Vec<String>,
    /// Returns what is there; panics if it is not whole.
    pub(crate) state: fn(&Site) -> String,
}

/// How the program is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Surroundings {
    Usual,
    /// New files cannot be without a name until they are complete.
    WithoutProc,
}

impl Site {
    /// Returns the names of all files.
    pub(crate) fn files(&self) -> Vec<String> {
        self.scene.file_digests("").into_keys().collect()
    }
}

impl Act {
    /// Makes a site where the act can begin.
    pub(crate) fn prepare(&self) -> Site {
        let site = Site {
            scene: Scene::new(),
            registry: Registry::start(Profile::DISTRIBUTION_3),
            upstream: (self.name == "sync").then(Upstream::start),
        };
        site.scene.allow_bad_images("the disks are small");
        (self.prepare)(&site);
        site
    }

    /// Returns what the act changes; panics if it is not whole.
    pub(crate) fn state(&self, site: &Site) -> String {
        (self.state)(site)
    }

    /// Returns the command, under strace with these arguments.
    pub(crate) fn command(&self, site: &Site, strace: &[String], around: Surroundings) -> Command {
        let mut outer = match around {
            Surroundings::Usual => Command::new("strace"),
            Surroundings::WithoutProc => {
                let mut outer = Command::new("unshare");
                let script = "mount -t tmpfs none /proc && exec strace \"$@\"";
                outer.args(["--mount", "sh", "-c", script, "sh"]);
                outer
            }
        };
        outer.args(["-f", "-qq", "-e", "signal=none"]).args(strace);
        site.scene.program_under(outer, (self.args)(site))
    }

    /// Runs the command without faults; it must succeed.
    pub(crate) fn finish(&self, site: &Site) {
        let outcome = site.scene.run((self.args)(site));
        assert_eq!(outcome.status, 0, "{}: {}", self.name, outcome.stderr);
    }
}
