//! tmp
use diskette_builder::{
    layer::{compression::*, *},
    recipe::*,
    source::{http::*, *},
};
use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    time::Instant,
};
struct In;
impl Inputs for In {
    fn open(&self, p: &Path) -> io::Result<File> {
        File::open(p)
    }
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let c = match a[2].split_once('-') {
        Some(("gzip", l)) => Compression::Gzip(GzipLevel::new(l.parse().unwrap()).unwrap()),
        Some(("zstd", l)) => Compression::Zstd(ZstdLevel::new(l.parse().unwrap()).unwrap()),
        _ => Compression::None,
    };
    let jobs: usize = a[3].parse().unwrap();
    let src = SourceRecipe {
        location: Location::Path(PathBuf::from(&a[1])),
        packing: None,
        checksum: None,
        origin: None,
        role: Role::Disk,
    };
    let client = Client::new(&HttpOptions::default()).unwrap();
    let s = Source::open(&src, &In, &client, Unverified::Refuse).unwrap();
    let owner = Owner { uid: 107, gid: 107 };
    let entries = vec![
        Entry { path: "disk".into(), kind: EntryKind::Directory, mode: 0o555, owner },
        Entry { path: "disk/disk.img".into(), kind: EntryKind::File(src), mode: 0o444, owner },
    ];
    let t = Instant::now();
    let w = Workers::start(jobs, c).unwrap();
    let mut f = File::create(&a[4]).unwrap();
    let l = Layer::write(
        LayerInput { entries: &entries, contents: vec![s.content().unwrap()], mtime: 0 },
        &w,
        &mut f,
        &|_| std::ops::ControlFlow::Continue(()),
    )
    .unwrap();
    f.flush().unwrap();
    let rss = std::fs::read_to_string("/proc/self/status")
        .unwrap()
        .lines()
        .find(|l| l.starts_with("VmHWM"))
        .unwrap()
        .to_string();
    println!("{} {} {:.3}s size {} {}", a[2], l.digest, t.elapsed().as_secs_f64(), l.size, rss);
}
