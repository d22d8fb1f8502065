//! What stands on the device: lent buffers, a session for each plan, and the way up to them.

use super::lent::{Lent, Sizes, lend};
use crate::engine::Precision;
use crate::engine::gpu::device::failed;
use crate::engine::gpu::plan::Plan;
use crate::engine::gpu::{Device, Session};
use crate::error::Result;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use wgpu::util::StagingBelt;
use wgpu::{Buffer, BufferSize, CommandEncoder, CommandEncoderDescriptor};

/// The most batch sizes of a plan that are kept ready: a stream has few, and each has buffers of its own.
const MAX_SESSIONS: usize = 4;
/// Bytes of one of the buffers that numbers go up through; a frame gets one of its own size.
const CHUNK: u64 = 64 << 10;

/// A device with the buffers that the plans of a frame's way share.
#[derive(Debug)]
pub(super) struct Rig {
    device: Arc<Device>,
    precision: Precision,
    sizes: Sizes,
    lent: Vec<Buffer>,
    /// Buffers that the CPU writes while the device computes; they come back and are used again.
    belt: StagingBelt,
}

impl Rig {
    pub fn new(device: Arc<Device>, precision: Precision, sizes: Sizes) -> Result<Self> {
        let lent = lend(&device, &sizes, precision)?;
        let belt = StagingBelt::new(device.device().clone(), CHUNK);
        Ok(Self { device, precision, sizes, lent, belt })
    }

    pub fn device(&self) -> &Arc<Device> {
        &self.device
    }

    pub fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    pub fn session(&self, plan: Plan) -> Result<Session> {
        Session::new(self.device.clone(), plan, self.precision, &self.lent)
    }

    /// Fills a lent buffer from its beginning.
    #[cfg(test)]
    pub fn fill(&self, lent: Lent, bytes: &[u8]) {
        self.device.queue().write_buffer(&self.lent[lent as usize], 0, bytes);
    }

    /// Waits for all that was submitted.
    pub fn wait(&self) -> Result<()> {
        self.device.wait()?;
        self.device.check()
    }

    /// Uploads what `write` writes, runs `session` behind it and returns at once.
    pub fn submit(&mut self, session: &Session, write: impl FnOnce(&mut Upload<'_>)) -> Result<()> {
        self.device.check()?;
        let label = Some("figureground");
        let mut encoder = self.device.device().create_command_encoder(&CommandEncoderDescriptor { label });
        let Self { lent, belt, .. } = self;
        let mut upload = Upload { session, lent, belt, encoder: &mut encoder, lost: false };
        write(&mut upload);
        if upload.lost {
            return Err(failed(format!("{} to take a frame", self.device.name()), "a device that was lost"));
        }
        session.record(&mut encoder);
        self.belt.finish();
        self.device.queue().submit([encoder.finish()]);
        self.belt.recall();
        self.device.check()
    }
}

/// The way up to the inputs of a session.
pub(super) struct Upload<'a> {
    session: &'a Session,
    lent: &'a [Buffer],
    belt: &'a mut StagingBelt,
    encoder: &'a mut CommandEncoder,
    lost: bool,
}

impl Upload<'_> {
    /// Writes `values` to the beginning of the input at `place`.
    pub fn input<T: bytemuck::Pod>(&mut self, place: usize, values: &[T]) {
        let target = self.session.input(place).clone();
        self.write(&target, bytemuck::cast_slice(values));
    }

    /// Sets all of a lent buffer to 0.
    pub fn clear(&mut self, lent: Lent) {
        self.encoder.clear_buffer(&self.lent[lent as usize], 0, None);
    }

    fn write(&mut self, target: &Buffer, bytes: &[u8]) {
        let Some(size) = BufferSize::new((bytes.len() as u64).next_multiple_of(4)) else { return };
        // wgpu panics where the driver loses the device while it makes or maps a buffer.
        let write = || {
            let mut view = self.belt.write_buffer(self.encoder, target, 0, size);
            view.slice(..bytes.len()).copy_from_slice(bytes);
        };
        self.lost |= catch_unwind(AssertUnwindSafe(write)).is_err();
    }
}

/// The sessions of one plan, by how many frames they take.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_count: BTreeMap<usize, Session>,
    last: Option<usize>,
}

impl Sessions {
    /// The session for `count` frames; `make` makes it where there is none yet.
    pub fn of(&mut self, count: usize, make: impl FnOnce() -> Result<Session>) -> Result<&mut Session> {
        if !self.by_count.contains_key(&count) && self.by_count.len() == MAX_SESSIONS {
            // The smallest is the cheapest to build again.
            self.by_count.pop_first();
        }
        self.last = Some(count);
        match self.by_count.entry(count) {
            std::collections::btree_map::Entry::Occupied(there) => Ok(there.into_mut()),
            std::collections::btree_map::Entry::Vacant(place) => Ok(place.insert(make()?)),
        }
    }

    /// The session that was used last, and for how many frames it is.
    pub fn last(&mut self) -> Option<(usize, &mut Session)> {
        let count = self.last?;
        self.by_count.get_mut(&count).map(|session| (count, session))
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
