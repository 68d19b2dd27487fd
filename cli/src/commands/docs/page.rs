//! A *page* is the description of one repository in Markdown, which quay shows.

use diskette_builder::frontend::spec::CatalogueEntry;
use diskette_builder::oci::image::reference::Reference;

use crate::catalogue::Catalogue;
use crate::error::CommandError;
use crate::files::read_spec;

/// Description of one repository.
pub(super) struct RepositoryPage<'a> {
    pub(super) name: Reference,
    /// Images in the repository, each with its own tags.
    pub(super) entries: Vec<&'a CatalogueEntry>,
    description: String,
}

impl<'a> RepositoryPage<'a> {
    /// Reads the description that the first entry names.
    pub(super) fn new(
        name: Reference,
        entry: &'a CatalogueEntry,
        catalogue: &Catalogue,
    ) -> Result<Self, CommandError> {
        let description = match &entry.docs.description {
            Some(path) => read_spec(&catalogue.inputs.base.join(path))?.text.trim().to_owned(),
            None => String::new(),
        };
        Ok(Self { name, entries: vec![entry], description })
    }

    /// Returns the last part of the repository's name.
    fn short_name(&self) -> &str {
        self.entries.first().map_or("", |entry| entry.repository_name())
    }

    /// Returns the page as Markdown.
    pub(super) fn to_markdown(&self) -> String {
        let (name, short) = (self.name.full_repository(), self.short_name());
        let description = match self.description.as_str() {
            "" => String::new(),
            text => format!("{text}\n\n"),
        };
        let row = |entry: &&CatalogueEntry| format!("| {} | {} |\n", tags(entry), platforms(entry));
        let rows = self.entries.iter().map(row).collect::<Vec<_>>().concat();
        let first = self.entries.first();
        let tag = first.map(|entry| entry.main_tag().to_string()).unwrap_or_default();
        let user = first.and_then(|entry| entry.docs.user.as_deref());
        let login = user.map_or_else(String::new, |user| {
            format!("\ncloud-init makes the user `{user}`: `virtctl ssh {user}@{short}`.\n")
        });
        let usage = match first {
            Some(entry) if entry.is_artifact() => artifact_usage(&format!("{name}:{tag}")),
            _ => image_usage(short, &format!("{name}:{tag}")),
        };
        format!("# {short}\n\n{description}| Tags | Platforms |\n|---|---|\n{rows}\n{usage}{login}")
    }
}

/// Returns how virtual machines use an image.
fn image_usage(short: &str, image: &str) -> String {
    format!(
        "A virtual machine whose disk lasts as long as it runs:\n\n\
         ```shell\nvirtctl create vm --name {short} --volume-containerdisk=src:{image} \
         | kubectl apply -f -\n```\n\n\
         One whose disk is imported into a volume, and stays:\n\n\
         ```shell\nvirtctl create vm --name {short} \
         --volume-import=type:registry,url:docker://{image},size:10Gi \
         | kubectl apply -f -\n```\n"
    )
}

/// Returns how virtual machines use a disk artifact.
fn artifact_usage(image: &str) -> String {
    format!(
        "A virtual machine whose disk lasts as long as it runs, with KubeVirt 1.10 and CRI-O:\n\n\
         ```shell\ndiskette manifests vm {image} | kubectl apply -f -\n```\n"
    )
}

/// Returns a table of all images.
pub(super) fn image_table(pages: &[RepositoryPage<'_>]) -> String {
    let rows = pages.iter().flat_map(|page| page.entries.iter().map(move |entry| (page, entry)));
    let rows = rows.map(|(page, entry)| {
        format!("| {} | {} | {} |\n", page.name.full_repository(), tags(entry), platforms(entry))
    });
    let head = "| Image | Tags | Platforms |\n|---|---|---|\n".to_owned();
    std::iter::once(head).chain(rows).collect::<Vec<_>>().concat()
}

/// Returns the tags, the one that the image is known by first.
fn tags(entry: &CatalogueEntry) -> String {
    let tags: Vec<String> = entry.tags.iter().rev().map(|tag| format!("`{tag}`")).collect();
    tags.join(", ")
}

fn platforms(entry: &CatalogueEntry) -> String {
    let platforms: Vec<String> =
        entry.platforms.iter().map(|platform| platform.platform.to_string()).collect();
    platforms.join(", ")
}
