//! One run: records in order in a file of their own, in blocks.
//!
//! ```text
//! block   4  length of the records, little-endian
//!         8  the first bytes of their BLAKE3
//!            the records: length, 4 bytes, little-endian, and bytes, one after the other
//! ```
//!
//! A record lies whole in one block. What is read back is what was written, or an error: whoever
//! judges by it must not take a rotten scratch file for a rotten coffer.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::Scratch;
use crate::disk::File;

const HEADER: usize = 12;

/// A run being written.
pub(super) struct RunWriter {
    scratch: Arc<Scratch>,
    name: String,
    file: Box<dyn File>,
    end: u64,
    block: Vec<u8>,
    block_bytes: usize,
}

impl RunWriter {
    pub(super) fn new(scratch: &Arc<Scratch>, block_bytes: usize) -> io::Result<RunWriter> {
        let (name, file) = scratch.create()?;
        Ok(RunWriter {
            scratch: Arc::clone(scratch),
            name,
            file,
            end: 0,
            block: vec![0; HEADER],
            block_bytes,
        })
    }

    pub(super) fn push(&mut self, record: &[u8]) -> io::Result<()> {
        let full = self.block.len() + record.len() > self.block_bytes;
        if full && self.block.len() > HEADER {
            self.write()?;
        }
        super::append(&mut self.block, record);
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let (header, records) = self.block.split_at_mut(HEADER);
        let len = u32::try_from(records.len()).expect("a block is far below 4 GiB");
        header[..4].copy_from_slice(&len.to_le_bytes());
        header[4..].copy_from_slice(&check(records));
        self.file.write_at(self.end, &self.block)?;
        self.end += self.block.len() as u64;
        self.block.truncate(HEADER);
        Ok(())
    }

    /// Ends the run and begins to read it.
    pub(super) fn finish(mut self) -> io::Result<RunReader> {
        if self.block.len() > HEADER {
            self.write()?;
        }
        Ok(RunReader {
            scratch: self.scratch,
            name: self.name,
            file: self.file,
            at: 0,
            end: self.end,
            block: Vec::new(),
            record: 0..0,
        })
    }
}

/// A run being read, from its first record on.
pub(super) struct RunReader {
    scratch: Arc<Scratch>,
    name: String,
    file: Box<dyn File>,
    /// Where the next block lies.
    at: u64,
    end: u64,
    block: Vec<u8>,
    /// Where the record lies in the block.
    record: Range<usize>,
}

impl RunReader {
    /// The record that it is at; none before the first [`RunReader::advance`].
    pub(super) fn record(&self) -> &[u8] {
        &self.block[self.record.clone()]
    }

    /// Goes on to the next record; `false` after the last.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        if self.record.end == self.block.len() {
            if self.at == self.end {
                self.block = Vec::new();
                self.record = 0..0;
                return Ok(false);
            }
            self.read()?;
        }
        self.record = super::record_at(&self.block, self.record.end);
        Ok(true)
    }

    fn read(&mut self) -> io::Result<()> {
        let mut header = [0; HEADER];
        self.file.read_at(self.at, &mut header)?;
        let (len, expected) = header.split_at(4);
        let len = u32::from_le_bytes(len.try_into().expect("4 bytes"));
        let after = self.at + HEADER as u64 + u64::from(len);
        if after > self.end {
            return Err(rotten());
        }
        self.block
            .resize(usize::try_from(len).map_err(|_| rotten())?, 0);
        self.file
            .read_at(self.at + HEADER as u64, &mut self.block)?;
        if check(&self.block) != expected {
            return Err(rotten());
        }
        (self.at, self.record) = (after, 0..0);
        Ok(())
    }

    /// Gives back the room that it takes.
    pub(super) fn remove(&self) -> io::Result<()> {
        self.scratch.remove(&self.name)
    }
}

fn check(records: &[u8]) -> [u8; 8] {
    let hash = blake3::hash(records);
    let (first, _) = hash.as_bytes().split_at(8);
    first.try_into().expect("8 bytes")
}

fn rotten() -> io::Error {
    let why = "a scratch file does not hold what was just written into it";
    io::Error::new(io::ErrorKind::InvalidData, why)
}
