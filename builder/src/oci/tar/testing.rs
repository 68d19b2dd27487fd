//! Tars as bytes for tests: valid ones, and ones that no program would write.

/// A tar that is being written.
#[derive(Debug, Clone, Default)]
pub(crate) struct TarBuilder(pub(crate) Vec<u8>);

/// A header that can be made invalid before it is added to a tar.
#[derive(Debug, Clone)]
pub(crate) struct RawHeader(pub(crate) [u8; 512]);

impl RawHeader {
    pub(crate) fn new(name: &[u8], flag: u8, size: u64) -> Self {
        let mut header = Self([0; 512]);
        header = header.set(0, name).set(100, b"0000755\0").set(108, b"0000000\0");
        header = header.set(116, b"0000000\0").set(257, b"ustar\x0000");
        let size = format!("{size:011o}\0");
        header.set(124, size.as_bytes()).set(156, &[flag])
    }

    pub(crate) fn set(mut self, at: usize, bytes: &[u8]) -> Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// Sets the field at `at` to a number to the base 256.
    pub(crate) fn binary(self, at: usize, len: usize, number: u64) -> Self {
        let mut field = vec![0; len];
        field[0] = 0x80;
        field[len - 8..].copy_from_slice(&number.to_be_bytes());
        if len == 8 {
            field[0] |= 0x80;
        }
        self.set(at, &field)
    }

    /// Returns the header with its checksum.
    pub(crate) fn sealed(self) -> Self {
        let blank = self.set(148, b"        ");
        let sum: u32 = blank.0.iter().map(|byte| u32::from(*byte)).sum();
        let field = format!("{sum:06o}\0 ");
        blank.set(148, field.as_bytes())
    }
}

impl TarBuilder {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    /// Adds a header, with its checksum, and a content with its padding.
    pub(crate) fn member(mut self, header: RawHeader, content: &[u8]) -> Self {
        self.0.extend(header.sealed().0);
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn file(self, name: &str, content: &str) -> Self {
        let header = RawHeader::new(name.as_bytes(), b'0', content.len() as u64);
        self.member(header.set(100, b"0000644\0"), content.as_bytes())
    }

    pub(crate) fn dir(self, name: &str) -> Self {
        self.member(RawHeader::new(name.as_bytes(), b'5', 0), b"")
    }

    pub(crate) fn symlink(self, name: &str, target: &str) -> Self {
        self.member(RawHeader::new(name.as_bytes(), b'2', 0).set(157, target.as_bytes()), b"")
    }

    pub(crate) fn hardlink(self, name: &str, target: &str) -> Self {
        self.member(RawHeader::new(name.as_bytes(), b'1', 0).set(157, target.as_bytes()), b"")
    }

    /// Adds a pax header with these records.
    pub(crate) fn pax(self, records: &[u8]) -> Self {
        self.member(RawHeader::new(b"pax", b'x', records.len() as u64), records)
    }

    /// Adds GNU's header for a long name (`L`) or a long link (`K`).
    pub(crate) fn long(self, flag: u8, name: &[u8]) -> Self {
        let name = [name, b"\0"].concat();
        self.member(RawHeader::new(b"././@LongLink", flag, name.len() as u64), &name)
    }

    /// Returns the bytes of the tar, including its end.
    pub(crate) fn end(self) -> Vec<u8> {
        self.raw(&[0; 1024]).0
    }
}

/// Returns a pax record.
pub(crate) fn pax_record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let len = (rest..rest + 20).find(|len| len.to_string().len() + rest == *len).unwrap_or(0);
    [format!("{len} {key}=").as_bytes(), value, b"\n"].concat()
}
