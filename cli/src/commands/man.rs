//! `diskette man`.

use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};

use super::Arguments;
use crate::error::{CommandError, cannot};
use crate::files::ensure_dir;

/// Write the manual pages into a directory.
#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// The directory; it is created if it does not exist
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Sections of all pages.
const SECTIONS: &str = r".SH EXAMPLES
.nf
diskette init
diskette build \-t quay.io/me/fedora:42 \-\-push
diskette inspect quay.io/me/fedora:42
diskette extract quay.io/me/fedora:42 \-o disk.qcow2
.fi
.SH FILES
.TP
\fIdiskette.yaml\fR
Describes the images of a directory.
.TP
\fI$XDG_RUNTIME_DIR/containers/auth.json\fR, \fI~/.config/containers/auth.json\fR, \fI~/.docker/config.json\fR
Credentials of podman, skopeo and docker.
.TP
\fI/etc/containers/registries.conf\fR
Settings of registries.
.TP
\fI/etc/containers/certs.d\fR, \fI/etc/docker/certs.d\fR
Certificates of registries.
.TP
\fI~/.cache/diskette\fR
Cache of layers and bases.
.SH ENVIRONMENT
.TP
\fBREGISTRY_AUTH_FILE\fR, \fBDOCKER_AUTH_CONFIG\fR, \fBDOCKER_CONFIG\fR
Where credentials are.
.TP
\fBCONTAINERS_REGISTRIES_CONF\fR
The file with settings of registries.
.TP
\fBHTTPS_PROXY\fR, \fBHTTP_PROXY\fR, \fBALL_PROXY\fR, \fBNO_PROXY\fR
Proxies.
.TP
\fBSSL_CERT_FILE\fR, \fBSSL_CERT_DIR\fR
Certificate authorities to trust instead of the system's.
.TP
\fBSOURCE_DATE_EPOCH\fR
The time of everything in an image.
.TP
\fBXDG_CACHE_HOME\fR, \fBTMPDIR\fR
Where the cache and temporary files are.
.TP
\fBNO_COLOR\fR
Print without colors.
.SH SEE ALSO
";

pub(crate) fn run(arguments: &ManArguments) -> Result<(), CommandError> {
    // `diskette help` has no page of its own.
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    write_pages(&command, None, &arguments.directory)
}

/// Writes the page of a command, and those of its subcommands.
fn write_pages(
    command: &Command,
    parent: Option<&str>,
    directory: &Path,
) -> Result<(), CommandError> {
    let man = clap_mangen::Man::new(command.clone());
    let path = directory.join(man.get_filename());
    let mut text = Vec::new();
    man.render(&mut text).map_err(cannot("write", path.display()))?;
    let children: Vec<&Command> =
        command.get_subcommands().filter(|it| !it.is_hide_set()).collect();
    text.extend(SECTIONS.as_bytes());
    text.extend(see_also(parent, &children).as_bytes());
    drop(ensure_dir(directory)?);
    crate::files::write_file(&path, &text)?;
    let own = page_name(command);
    children.into_iter().try_for_each(|child| write_pages(child, Some(&own), directory))
}

fn page_name(command: &Command) -> String {
    command.get_display_name().unwrap_or(command.get_name()).to_owned()
}

/// Returns the list of related pages.
fn see_also(parent: Option<&str>, children: &[&Command]) -> String {
    let names = parent.map(str::to_owned).into_iter();
    let names = names.chain(children.iter().map(|child| page_name(child)));
    let pages: Vec<String> =
        names.map(|name| format!("\\fB{}\\fR(1)", name.replace('-', "\\-"))).collect();
    format!("{}\n", pages.join(", "))
}
