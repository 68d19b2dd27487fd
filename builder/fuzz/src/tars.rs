//! Tars with right checksums, which no fuzzer finds.

/// Returns a member: its header, and its content if its type has one.
pub(crate) fn member(flag: u8, name: &[u8], link: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name);
    header[100..107].copy_from_slice(b"0000755");
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[148..156].fill(b' ');
    header[156] = flag;
    header[157..157 + link.len()].copy_from_slice(link);
    header[257..263].copy_from_slice(b"ustar\0");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut member = header.to_vec();
    if matches!(flag, 0 | b'0' | b'7' | b'x' | b'g' | b'L' | b'K') {
        member.extend(content);
        member.resize(member.len().next_multiple_of(512), 0);
    }
    member
}

/// Makes a tar of an input, which has of each member its type, the lengths of name, link and content, and
/// these.
pub(crate) fn tar(mut bytes: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    while let [flag, name, link, content, rest @ ..] = bytes {
        bytes = rest;
        let mut take = |len: usize| {
            let (taken, rest) = bytes.split_at(len.min(bytes.len()));
            bytes = rest;
            taken
        };
        let (name, link) = (take(usize::from(*name) % 100), take(usize::from(*link) % 100));
        tar.extend(member(*flag, name, link, take(usize::from(*content))));
    }
    tar
}
