//! The *machine*: processors, disk space, cache, and programs that some commands use.

use std::path::{Path, PathBuf};

use diskette_builder::engine::cache_key::KEY_FILE_NAME;

use super::{DoctorFinding, Health};
use crate::environment::Environment;
use crate::files::open_dir;

/// Optional programs, and what they are used for.
const PROGRAMS: [(&str, &str); 4] = [
    ("gpgv", "signatures of lists (`releases`, `sync`)"),
    ("qemu-system-x86_64", "`verify --boot` for amd64"),
    ("qemu-system-aarch64", "`verify --boot` for arm64"),
    ("virtctl", "what `docs` shows"),
];

/// Free space below which a warning is given, in bytes.
const ROOM: u64 = 1 << 30;

pub(super) fn examine_machine(environment: &Environment) -> Vec<DoctorFinding> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut findings = vec![DoctorFinding::new(
        Health::Good,
        "processors",
        format!("layers are compressed by {processors} threads"),
    )];
    findings.push(examine_cache(environment));
    findings.push(examine_room("temporary files", &environment.temporary));
    for (program, purpose) in PROGRAMS {
        findings.push(match find_program(program, environment) {
            Some(path) => DoctorFinding::new(Health::Good, program, format!("{}", path.display())),
            None => {
                DoctorFinding::new(Health::Doubtful, program, format!("not installed: {purpose}"))
            }
        });
    }
    findings
}

fn examine_cache(environment: &Environment) -> DoctorFinding {
    let Some(home) = &environment.cache_home else {
        return DoctorFinding::new(
            Health::Doubtful,
            "cache",
            "no directory for it: caching disabled",
        );
    };
    let path = home.join("diskette");
    if !path.exists() {
        return DoctorFinding::new(
            Health::Good,
            "cache",
            format!("{} will be made", path.display()),
        );
    }
    let (mut count, mut size) = (0_u64, 0_u64);
    for file in walkdir::WalkDir::new(&path).into_iter().filter_map(Result::ok) {
        if file.file_type().is_file() && file.file_name() != KEY_FILE_NAME {
            count += 1;
            size += file.metadata().map_or(0, |metadata| metadata.len());
        }
    }
    let kib = size.div_ceil(1024);
    DoctorFinding::new(
        Health::Good,
        "cache",
        format!("{}, {count} entries, {kib} KiB", path.display()),
    )
}

/// Examines the free space of the directory for temporary files. Disks that are booted are written
/// there, and archives to standard output.
fn examine_room(subject: &str, path: &Path) -> DoctorFinding {
    let stat = open_dir(path).and_then(|dir| Ok(rustix::fs::fstatvfs(&dir)?));
    match stat {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let health = if free < ROOM { Health::Doubtful } else { Health::Good };
            let text = format!("{}, {} MiB free", path.display(), free >> 20);
            DoctorFinding::new(health, subject, text)
        }
        Err(error) => {
            let text = format!("{} cannot be used: {error}", path.display());
            DoctorFinding::new(Health::Doubtful, subject, text)
        }
    }
}

fn find_program(program: &str, environment: &Environment) -> Option<PathBuf> {
    let path = environment.variable("PATH")?;
    let directories = path.split(':').filter(|directory| !directory.is_empty());
    directories.map(|directory| Path::new(directory).join(program)).find(|path| path.is_file())
}
