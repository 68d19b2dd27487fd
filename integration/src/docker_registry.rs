//! The *registry* that Debian has, distribution 2.8 (`docker-registry`), run for one test with a
//! configuration of its own.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::peer::{self, Peer};
use crate::scene::Scene;

/// A user of the registries that know one, and what `htpasswd -nbBC 4` makes of it.
pub const USER: &str = "me:sesame";
const HTPASSWD: &str = "me:$2b$04$9IteJzJdtHoOyWcip7pVy.KDErsfqgGL2IROyok4DbN16ybrRKQWO\n";

/// A registry that runs.
#[derive(Debug)]
pub struct DockerRegistry {
    peer: Peer,
    directory: PathBuf,
    config: Value,
    daemon: Daemon,
}

impl DockerRegistry {
    /// Starts a registry that keeps all it has in a directory of the scene. In its configuration
    /// the values at some pointers (RFC 6901) are other ones than usual.
    pub fn start(scene: &Scene, name: &str, settings: &[(&str, Value)]) -> Option<Self> {
        let peer = peer::find("docker-registry")?;
        let directory = scene.path(name);
        std::fs::create_dir_all(&directory).unwrap();
        let mut config = json!({
            "version": "0.1",
            "log": { "accesslog": { "disabled": true }, "level": "error" },
            "storage": {
                "filesystem": { "rootdirectory": directory.join("data") },
                "maintenance": { "uploadpurging": { "enabled": false } },
            },
            "http": { "secret": "of this test" },
        });
        for (pointer, value) in settings {
            set(&mut config, pointer, value.clone());
        }
        let daemon = Daemon::start(|port| serve(&peer, &directory, &config, port));
        Some(Self { peer, directory, config, daemon })
    }

    /// Starts a registry that takes and gives everything.
    pub fn plain(scene: &Scene) -> Option<Self> {
        Self::start(scene, "registry", &[])
    }

    /// Returns host and port.
    pub fn address(&self) -> String {
        self.daemon.address().to_string()
    }

    /// Returns what an image is called in the registry.
    pub fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address())
    }

    /// Ends the registry at once, with SIGKILL.
    pub fn kill(&mut self) {
        self.daemon.kill();
    }

    /// Starts a registry again that was killed: with the same data, on the same port.
    pub fn revive(&mut self) {
        let port = self.daemon.address().port();
        let command = |port| serve(&self.peer, &self.directory, &self.config, port);
        self.daemon = Daemon::start_on(port, command).expect("somebody took the port");
    }

    /// Returns how many bytes the registry keeps of uploads that have not ended.
    pub fn under_way(&self) -> u64 {
        let files = walkdir::WalkDir::new(self.directory.join("data")).into_iter();
        // Files come and go meanwhile.
        let files = files.filter_map(Result::ok).filter(|file| {
            let name = file.file_name();
            name == "data" && file.path().components().any(|part| part.as_os_str() == "_uploads")
        });
        files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
    }
}

/// Returns the settings that let in [`USER`] alone.
pub fn htpasswd(scene: &Scene) -> (&'static str, Value) {
    let path = scene.write("htpasswd", HTPASSWD);
    ("/auth", json!({ "htpasswd": { "realm": "test", "path": path } }))
}

fn serve(peer: &Peer, directory: &std::path::Path, config: &Value, port: u16) -> Command {
    let mut config = config.clone();
    set(&mut config, "/http/addr", json!(format!("127.0.0.1:{port}")));
    // JSON is YAML.
    let path = directory.join("config.yml");
    std::fs::write(&path, config.to_string()).unwrap();
    let mut command = peer.command();
    command.arg("serve").arg(path);
    command
}

fn set(config: &mut Value, pointer: &str, value: Value) {
    let place = pointer.split('/').skip(1).fold(config, |value, name| &mut value[name]);
    *place = value;
}
