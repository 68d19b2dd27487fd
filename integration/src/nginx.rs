//! *nginx* in front of a server, as administrators set it up.

use std::path::Path;
use std::process::Command;

use crate::daemon::Daemon;
use crate::peer;
use crate::scene::{Scene, is_root};

/// Directories for temporary files, which would be the system's otherwise.
const TEMPORARY: [&str; 5] = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

/// Starts nginx with an `http` block for its port.
pub fn start_nginx(scene: &Scene, name: &str, http: impl Fn(u16) -> String) -> Option<Daemon> {
    let peer = peer::find("nginx")?;
    let directory = scene.path(name);
    std::fs::create_dir_all(&directory).unwrap();
    Some(Daemon::start(|port| {
        let config = directory.join("nginx.conf");
        std::fs::write(&config, configuration(&directory, &http(port))).unwrap();
        let mut command: Command = peer.command();
        command.arg("-p").arg(&directory).arg("-e").arg(directory.join("error.log"));
        command.arg("-c").arg(config);
        command
    }))
}

fn configuration(directory: &Path, http: &str) -> String {
    let root = directory.display();
    let temporary = TEMPORARY.map(|name| format!("{name}_temp_path {root}/{name}; "));
    let user = if is_root() { "user root;" } else { "" };
    format!(
        "{user} daemon off; master_process off; pid {root}/nginx.pid;\n\
         error_log {root}/error.log info; events {{}}\n\
         http {{ access_log {root}/access.log; {}\n{http}\n}}\n",
        temporary.concat(),
    )
}
