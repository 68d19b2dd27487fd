//! Debian's *registry*, distribution 2.8 (`docker-registry`), run for one test with its own
//! configuration.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::peer::{self, Peer};
use crate::scene::Scene;

/// The user of registries with authentication, and the output of `htpasswd -nbBC 4` for it.
pub const USER: &str = "me:sesame";
const HTPASSWD: &str = "me:$2b$04$9IteJzJdtHoOyWcip7pVy.KDErsfqgGL2IROyok4DbN16ybrRKQWO\n";

/// A running registry.
#[derive(Debug)]
pub struct DockerRegistry {
    peer: Peer,
    directory: PathBuf,
    config: Value,
    daemon: Daemon,
}

impl DockerRegistry {
    /// Starts a registry that stores its data in a directory of the scene. `settings` replaces
    /// values of its configuration, by their pointers (RFC 6901).
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

    /// Starts a registry without authentication.
    pub fn start_open(scene: &Scene) -> Option<Self> {
        Self::start(scene, "registry", &[])
    }

    /// Returns host and port.
    pub fn address(&self) -> String {
        self.daemon.address().to_string()
    }

    /// Returns the reference of an image in the registry.
    pub fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.address())
    }

    /// Ends the registry at once, with SIGKILL.
    pub fn kill(&mut self) {
        self.daemon.kill();
    }

    /// Starts a killed registry again, with the same data and port.
    pub fn restart(&mut self) {
        let port = self.daemon.address().port();
        let command = |port| serve(&self.peer, &self.directory, &self.config, port);
        self.daemon = Daemon::start_on(port, command).expect("somebody took the port");
    }

    /// Stops the registry, removes the blobs that no manifest names, and starts it again.
    pub fn collect_garbage(&mut self) {
        self.kill();
        let collected = self
            .peer
            .command()
            .arg("garbage-collect")
            .arg(self.directory.join("config.yml"))
            .output();
        let collected = collected.unwrap();
        assert!(collected.status.success(), "{}", String::from_utf8_lossy(&collected.stderr));
        self.restart();
    }

    /// Returns the number of bytes of unfinished uploads.
    pub fn pending_upload_bytes(&self) -> u64 {
        let files = walkdir::WalkDir::new(self.directory.join("data")).into_iter();
        // Files may be deleted meanwhile.
        let files = files.filter_map(Result::ok).filter(|file| {
            let name = file.file_name();
            name == "data" && file.path().components().any(|part| part.as_os_str() == "_uploads")
        });
        files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
    }
}

/// Returns the settings that allow only [`USER`].
pub fn htpasswd_settings(scene: &Scene) -> (&'static str, Value) {
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
