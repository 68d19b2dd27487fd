//! What can be typed. The doc comments are the help; what an option means is worked out where it is
//! used.

use clap::builder::Styles;
use clap::{Parser, Subcommand};

use crate::commands::{
    auth, build, completions, copy, diff, docs, doctor, extract, index, init, inspect, login,
    logout, man, manifests, promote, pull, push, releases, schema, sync, tags, vddk, verify,
};
use crate::ui::MessageFormat;

/// Put virtual-machine disks into container images that KubeVirt boots and CDI imports.
///
/// No daemon, no root, no temporary copy: every byte is read once, compressed in parallel, and the
/// same input gives the same digest everywhere.
#[derive(Debug, Parser)]
#[command(name = "diskette", version, propagate_version = true, max_term_width = 100)]
#[command(styles = Styles::plain(), disable_help_subcommand = true)]
#[command(
    after_help = "Exit status: 0 done, 1 failed, 2 wrong usage, 75 may go well later, 130 interrupted."
)]
pub(crate) struct Arguments {
    /// How errors and warnings are told; github makes them annotations of a pull request, too
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        global = true,
        hide_possible_values = true
    )]
    pub(crate) message_format: MessageFormat,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(init::InitArguments),
    Build(Box<build::BuildArguments>),
    Vddk(Box<vddk::VddkArguments>),
    Push(Box<push::PushArguments>),
    Pull(Box<pull::PullArguments>),
    Copy(Box<copy::CopyArguments>),
    Tags(Box<tags::TagsArguments>),
    Index(index::IndexArguments),
    Sync(Box<sync::SyncArguments>),
    Promote(Box<promote::PromoteArguments>),
    Docs(Box<docs::DocsArguments>),
    Releases(Box<releases::ReleasesArguments>),
    Inspect(Box<inspect::InspectArguments>),
    Extract(Box<extract::ExtractArguments>),
    Diff(Box<diff::DiffArguments>),
    Verify(Box<verify::VerifyArguments>),
    Manifests(Box<manifests::ManifestsArguments>),
    Doctor(Box<doctor::DoctorArguments>),
    Login(Box<login::LoginArguments>),
    Logout(logout::LogoutArguments),
    Auth(auth::AuthArguments),
    Schema(schema::SchemaArguments),
    Completions(completions::CompletionsArguments),
    Man(man::ManArguments),
}
