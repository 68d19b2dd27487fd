//! Builds an image of one disk into an OCI image layout, as `diskette build` does with a spec:
//!
//! ```text
//! cargo run -p diskette-builder --example build_image -- testdata/demo-x86_64.qcow2 out
//! ```
//!
//! The library opens no path, uses no credentials and reads no clock. Whatever it needs is passed
//! in, so most of this example is what a program around it has to provide.
#![expect(clippy::print_stdout, reason = "a program prints its result")]

use std::error::Error;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use diskette_builder::engine::assemble::{
    BuildOptions, BuildPlan, BuildSources, BuiltImage, PlatformTags,
};
use diskette_builder::engine::layer::LayerWorkers;
use diskette_builder::engine::source::{CdiOnlyPolicy, InputFiles, UnverifiedPolicy};
use diskette_builder::frontend::spec;
use diskette_builder::net::http::{
    HttpClient, HttpOptions, PrivateRedirects, ServerLimits, ServerRole, SystemRoots, TlsOptions,
    TlsTrust,
};
use diskette_builder::net::proxy::Proxies;
use diskette_builder::oci::error::StorageError;
use diskette_builder::oci::image::format::ImageFormat;
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::time::Timestamp;
use diskette_builder::oci::images::{ImageOpener, Images};
use diskette_builder::oci::progress::NoProgress;
use diskette_builder::oci::store::LayoutSink;
use diskette_builder::recipe::diagnostic::{Diagnostic, SourceText};
use diskette_builder::recipe::{InputFile, Recipe};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [disk, output] = arguments.as_slice() else {
        return Err("usage: build_image DISK OUTPUT".into());
    };
    for image in build_image(disk, output)? {
        println!("{}", image.index.digest);
    }
    Ok(())
}

/// Builds an image of the disk into the layout in the directory `output`, which is made if it does
/// not exist. Returns what was built: one image, since the spec has one document.
pub(crate) fn build_image(disk: &str, output: &str) -> Result<Vec<BuiltImage>, Box<dyn Error>> {
    // A frontend turns what the user wrote into recipes; this is the frontend for specs.
    let recipes = read_recipes(disk)?;

    // A plan opens the sources of the recipes, and refuses what it can before anything is written: a
    // disk that KubeVirt cannot boot, for example.
    let client = http_client();
    let sources = BuildSources {
        inputs: &WorkingDirectory,
        client: &client,
        unverified: UnverifiedPolicy::Refuse,
        cdi_only: CdiOnlyPolicy::Refuse,
        spool: None,
        base_images: &NoBaseImages,
    };
    let plan = BuildPlan::new(&recipes, &sources).map_err(|mut errors| errors.swap_remove(0))?;

    // A sink receives the layers, then the documents, then the names. This one is an OCI image layout.
    Dir::create_ambient_dir_all(output, ambient_authority())?;
    let layout = LayoutSink::open(Dir::open_ambient_dir(output, ambient_authority())?, output)?;

    // Neither the number of threads nor the time of day changes the image's digest.
    let workers = LayerWorkers::start(2)?;
    let options = BuildOptions {
        workers: &workers,
        sink: &layout,
        cache: None,
        progress: &NoProgress,
        created: Timestamp::default(),
        platform_tags: PlatformTags::None,
        format: ImageFormat::Oci,
        attest: None,
    };
    Ok(plan.build(&options)?)
}

/// Returns the recipes of a spec with one disk. JSON is YAML too, and quotes the path.
fn read_recipes(disk: &str) -> Result<Vec<Recipe>, Diagnostic> {
    let spec = serde_json::json!({
        "apiVersion": "diskette/v1",
        "image": "localhost/example",
        "platforms": { "linux/amd64": { "disk": disk } },
    });
    let text = SourceText { name: "the example's spec".into(), text: spec.to_string() };
    spec::load_recipes(&Arc::new(text), &WorkingDirectory, None)
        .map_err(|mut problems| problems.swap_remove(0))
}

/// Opens the files that a spec names. Relative paths begin at the working directory.
struct WorkingDirectory;

impl InputFiles for WorkingDirectory {
    fn open(&self, file: &InputFile) -> io::Result<File> {
        Ok(cap_std::fs::File::open_ambient(&file.path, ambient_authority())?.into_std())
    }

    fn open_neighbor(&self, file: &InputFile, name: &Path) -> io::Result<File> {
        let directory = file.path.parent().filter(|path| !path.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        let directory = Dir::open_ambient_dir(directory, ambient_authority())?;
        Ok(directory.open(name)?.into_std())
    }
}

/// Opens the images that Dockerfiles are built on. A spec has none.
struct NoBaseImages;

impl ImageOpener for NoBaseImages {
    fn open_images(&self, location: &ImageLocation) -> Result<Box<dyn Images + '_>, StorageError> {
        Err(StorageError::Unexpected {
            path: location.to_string(),
            problem: "is not opened by this example".into(),
        })
    }
}

/// Returns the client for disks that a spec names by URL. It trusts the authorities in `roots`;
/// this example downloads nothing, and has none.
fn http_client() -> HttpClient {
    HttpClient::new(HttpOptions {
        proxies: Proxies::default(),
        roots: SystemRoots::default(),
        trust: Box::new(SystemTrust),
        stall: Duration::from_secs(60),
        retries: 2,
        limits: ServerLimits::default(),
        private_redirects: PrivateRedirects::Refuse,
        cancelled: Arc::new(|| false),
        trace: None,
    })
}

/// Trusts for each host what the system trusts, and nothing else.
struct SystemTrust;

impl TlsTrust for SystemTrust {
    fn for_host(&self, _host: &str, _role: ServerRole) -> Result<TlsOptions, String> {
        Ok(TlsOptions::default())
    }
}
