//! A *command* does what the program of the same name in GNU coreutils does, on a tree.

mod checksum;
mod chmod;
mod chown;
mod cp;
mod decompress;
mod download;
mod echo;
mod install;
mod ln;
mod mkdir;
mod mv;
mod names;
mod packages;
mod qemu_img;
mod rm;
mod sed;
mod tar;
mod test;
mod touch;
mod truncate;
mod walk;

use self::decompress::Decompressor;
use super::process::Process;
use super::status::{CommandRefusal, CommandStatus};
use crate::compression::CompressionFormat;

/// The implementation of a command; it receives the arguments without the command's name.
type CommandFunction = fn(&mut Process<'_>, &[String]) -> Result<CommandStatus, CommandRefusal>;

const GUNZIP: Decompressor = Decompressor {
    name: "gunzip",
    format: CompressionFormat::Gzip,
    suffix: ".gz",
    compresses: false,
    keeps: false,
    prints: false,
};
const ZCAT: Decompressor = Decompressor { name: "zcat", prints: true, ..GUNZIP };
const XZCAT: Decompressor = Decompressor { name: "xzcat", prints: true, ..UNXZ };
const ZSTDCAT: Decompressor = Decompressor { name: "zstdcat", prints: true, ..UNZSTD };
const BZCAT: Decompressor = Decompressor { name: "bzcat", prints: true, ..BUNZIP2 };
const GZIP: Decompressor = Decompressor { name: "gzip", compresses: true, ..GUNZIP };
const UNXZ: Decompressor =
    Decompressor { name: "unxz", format: CompressionFormat::Xz, suffix: ".xz", ..GUNZIP };
const XZ: Decompressor = Decompressor { name: "xz", compresses: true, ..UNXZ };
const UNZSTD: Decompressor = Decompressor {
    name: "unzstd",
    format: CompressionFormat::Zstd,
    suffix: ".zst",
    keeps: true,
    ..GUNZIP
};
const ZSTD: Decompressor = Decompressor { name: "zstd", compresses: true, ..UNZSTD };
const BUNZIP2: Decompressor =
    Decompressor { name: "bunzip2", format: CompressionFormat::Bzip2, suffix: ".bz2", ..GUNZIP };
const BZIP2: Decompressor = Decompressor { name: "bzip2", compresses: true, ..BUNZIP2 };

/// Finds a command by its name, or by the path of its program.
pub(super) fn find_command(name: &str) -> Option<CommandFunction> {
    let program = program_of(name);
    Some(match program.unwrap_or(name) {
        "mkdir" => mkdir::mkdir,
        "ln" => ln::ln,
        "chmod" => chmod::chmod,
        "chown" => chown::chown,
        "touch" => touch::touch,
        "rm" => rm::rm,
        "rmdir" => rm::rmdir,
        "cp" => cp::cp,
        "mv" => mv::mv,
        "cat" => echo::cat,
        "echo" => echo::echo,
        "printf" => echo::printf,
        "curl" => download::curl,
        "wget" => download::wget,
        "sha256sum" => checksum::sha256sum,
        "sha512sum" => checksum::sha512sum,
        "gunzip" => |process, words| GUNZIP.run(process, words),
        "gzip" => |process, words| GZIP.run(process, words),
        "unxz" => |process, words| UNXZ.run(process, words),
        "xz" => |process, words| XZ.run(process, words),
        "unzstd" => |process, words| UNZSTD.run(process, words),
        "zstd" => |process, words| ZSTD.run(process, words),
        "bunzip2" => |process, words| BUNZIP2.run(process, words),
        "bzip2" => |process, words| BZIP2.run(process, words),
        "zcat" => |process, words| ZCAT.run(process, words),
        "xzcat" => |process, words| XZCAT.run(process, words),
        "zstdcat" => |process, words| ZSTDCAT.run(process, words),
        "bzcat" => |process, words| BZCAT.run(process, words),
        "install" => install::install,
        "tee" => echo::tee,
        "test" => test::test,
        "[" => test::bracket,
        "sed" => sed::sed,
        "tar" => tar::tar,
        "truncate" => truncate::truncate,
        "dd" => truncate::dd,
        "qemu-img" => qemu_img::qemu_img,
        "ls" | "stat" => names::look_at,
        "basename" => names::basename,
        "dirname" => names::dirname,
        "uname" => names::uname,
        "arch" => names::arch,
        "dpkg" => names::dpkg,
        "sync" => |_, _| Ok(CommandStatus::Success),
        name if MANAGERS.contains(&name) => packages::install,
        "true" => |_, _| Ok(CommandStatus::Success),
        "false" => |_, _| Ok(CommandStatus::Failure(String::new())),
        ":" if program.is_none() => |_, _| Ok(CommandStatus::Success),
        _ => return None,
    })
}

/// Returns the program that a path of it names.
fn program_of(path: &str) -> Option<&str> {
    ["/bin/", "/usr/bin/"].iter().find_map(|dir| path.strip_prefix(dir))
}

/// Package managers.
const MANAGERS: [&str; 8] = ["apk", "apt-get", "apt", "dnf", "microdnf", "yum", "tdnf", "zypper"];

/// Commands whose output is evaluated.
const PRINTING: [&str; 22] = [
    "cat", "echo", "printf", "tee", "curl", "wget", "gunzip", "gzip", "unxz", "xz", "unzstd",
    "zstd", "bunzip2", "bzip2", "dd", "sed", "tar", "basename", "dirname", "uname", "arch", "dpkg",
];

/// Commands that print nothing, unless an option asks for it.
const SILENT: [&str; 16] = [
    "mkdir", "ln", "chmod", "chown", "touch", "rm", "rmdir", "cp", "mv", "install", "test", "[",
    "truncate", "sync", "true", "false",
];

/// Returns whether a command's standard output is evaluated.
pub(super) fn is_output_known(name: &str, arguments: &[String]) -> bool {
    let name = program_of(name).unwrap_or(name);
    let is_loud = |word: &String| match word.strip_prefix('-') {
        Some(long) if long.starts_with('-') => {
            ["--verbose", "--changes"].iter().any(|option| option.starts_with(word.as_str()))
        }
        Some(letters) => letters.contains(['v', 'c']),
        None => false,
    };
    match name {
        ":" | "zcat" | "xzcat" | "zstdcat" | "bzcat" => true,
        name if PRINTING.contains(&name) => true,
        name => SILENT.contains(&name) && !arguments.iter().any(is_loud),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each command of the page's table is evaluated, and each that is evaluated is in the table.
    #[test]
    fn every_command_is_in_the_documents() {
        let page = include_str!("../../../../../../docs/dockerfile.md");
        let section = page.split("\n## ").find(|section| section.starts_with("RUN\n")).unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        let cells: String = rows.filter_map(|row| row.split(" | ").next()).collect();
        let named: Vec<&str> =
            cells.split(['`', ',', ' ']).filter(|name| !name.is_empty()).collect();
        let builtins = |name: &str| super::super::builtins::is_builtin(name);
        let unknown: Vec<_> =
            named.iter().filter(|name| find_command(name).is_none() && !builtins(name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        let listed = PRINTING.iter().chain(&SILENT).chain(&MANAGERS);
        let missing: Vec<_> = listed.filter(|name| !named.contains(*name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
