//! Frames from an interface: a ring that the kernel fills (`AF_PACKET`, `TPACKET_V3`), read where they lie.
//!
//! All of the crate's system calls for interfaces stand here. None of them sends: the socket has no ring to send from, is told
//! to leave out what this machine sends, and nothing is ever written to it.
//!
//! The ring consists of blocks. The kernel fills one with frames, hands it over by a word at its front, and gets it back by
//! the same word. A block that is not full is handed over after [`RETIRE_MILLISECONDS`].

#![allow(unsafe_code, reason = "system calls, and memory shared with the kernel")]
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "sizes and constants of the system, all of them small")]

use core::ffi::c_int;
use core::mem::size_of;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU32, Ordering};
use std::ffi::CString;
use std::io::{self, Error, ErrorKind};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::filter::{self, Instruction};
use super::{Frame, LinkType};

/// How long the kernel keeps a block that is not full. A worker that wakes up finds its tables gone from the processor's caches
/// where others have run meanwhile, which costs more than the frames: ten times in a second that does not matter any more.
pub const RETIRE_MILLISECONDS: u32 = 100;

/// Octets of a block: the longest frame that fits, and what is handed over at once.
const BLOCK: usize = 1 << 20;
/// Blocks of a ring: one is filled while another is read.
const LEAST_BLOCKS: usize = 2;
/// What the kernel asks to be told of frames, though in this version of the ring they are of any size.
const FRAME: usize = 2048;
/// Octets that a VLAN tag takes, and the room kept for one before each frame.
const TAG: usize = 4;

/// How an interface is read.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Octets of the ring of one worker, no less than two blocks.
    pub ring_octets: usize,
    /// What the kernel hands over, and how much of each frame.
    pub filter: Vec<Instruction>,
    /// Let the card deliver frames that are not to this machine.
    pub promiscuous: bool,
    /// Microseconds to spin for frames before sleeping, where the card can do that; 0 for none.
    pub busy_poll: u32,
    /// Take the card's own time stamps, where it has them.
    pub hardware_time: bool,
}

/// A network interface, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its number, which it keeps when it is renamed.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Somebody has switched it on.
    pub up: bool,
    /// It has a link.
    pub running: bool,
    hardware: u16,
}

impl Interface {
    /// The interface of that name.
    ///
    /// # Errors
    /// Where there is none.
    pub fn named(name: &str) -> io::Result<Self> {
        let text = CString::new(name).map_err(|_| Error::from_raw_os_error(libc::ENODEV))?;
        // SAFETY: the text is ended by a zero octet and outlives the call, which only reads it.
        let index = unsafe { libc::if_nametoindex(text.as_ptr()) };
        if index == 0 { Err(Error::last_os_error()) } else { Self::numbered(index) }
    }

    /// The interface of that number.
    ///
    /// # Errors
    /// Where there is none (any more).
    pub fn numbered(index: u32) -> io::Result<Self> {
        let mut octets = [0_u8; libc::IF_NAMESIZE];
        // SAFETY: the buffer has the size that the call asks for, and outlives it.
        if unsafe { libc::if_indextoname(index, octets.as_mut_ptr().cast()) }.is_null() {
            return Err(Error::last_os_error());
        }
        let socket = socket(libc::AF_INET, libc::SOCK_DGRAM)?;
        let mut request = request(&octets);
        ask(&socket, libc::SIOCGIFFLAGS, &mut request)?;
        // SAFETY: after this request the kernel has filled in the flags; any bits are a number.
        let flags = c_int::from(unsafe { request.ifr_ifru.ifru_flags });
        ask(&socket, libc::SIOCGIFHWADDR, &mut request)?;
        // SAFETY: after this request the kernel has filled in an address; its family is a plain number.
        let hardware = unsafe { request.ifr_ifru.ifru_hwaddr }.sa_family;
        let name = String::from_utf8_lossy(octets.split(|octet| *octet == 0).next().unwrap_or_default()).into_owned();
        Ok(Self { index, name, up: flags & libc::IFF_UP != 0, running: flags & libc::IFF_RUNNING != 0, hardware })
    }

    /// What its frames begin with.
    fn link(&self) -> io::Result<LinkType> {
        const ETHERNET: u16 = 1;
        const LOOPBACK: u16 = 772;
        const PPP: u16 = 512;
        const RAW_IP: u16 = 519;
        const NONE: u16 = 0xfffe;
        match self.hardware {
            ETHERNET | LOOPBACK => Ok(LinkType::ETHERNET),
            // The kernel hands frames of these over from their network header on.
            PPP | RAW_IP | NONE => Ok(LinkType::RAW),
            other => Err(Error::new(ErrorKind::Unsupported, format!("frames of this kind of interface ({other}) cannot be read"))),
        }
    }
}

/// What the kernel has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that passed the filter.
    pub packets: u64,
    /// Of those, the ones for which the ring had no room.
    pub dropped: u64,
    /// Times that the ring was found full.
    pub full: u64,
}

/// The ring of one worker on one interface.
pub struct Ring {
    memory: Memory,
    socket: OwnedFd,
    link: LinkType,
    number: u32,
    hardware_time: bool,
    /// The block at hand, whether it is ours, how many of its frames are left, and where the next one's header is.
    at: usize,
    held: bool,
    left: u32,
    next: usize,
    counts: Counts,
    /// Frames that were read.
    read: u64,
    /// VLAN tags that were put back.
    tags: u64,
}

impl Ring {
    /// Rings on an interface, one for each of `workers`, which receive from the return on. Their frames have `number`.
    ///
    /// # Errors
    /// Where the interface is gone or of a kind that cannot be read, or this process may not.
    pub fn open(interface: &Interface, settings: &Settings, workers: u16, number: u32) -> io::Result<Vec<Self>> {
        let link = interface.link()?;
        // A program of one instruction looks at nothing; a longer one was compiled for frames that begin with an Ethernet header.
        if link != LinkType::ETHERNET && settings.filter.len() > 1 {
            return Err(Error::new(ErrorKind::Unsupported, "its frames have no Ethernet header, which a filter needs"));
        }
        let rings = (0..workers.max(1)).map(|_| Self::new(interface.index, settings, link, number)).collect::<io::Result<Vec<_>>>()?;
        if workers > 1 {
            share(&rings)?;
        }
        for ring in &rings {
            attach(&ring.socket, libc::SO_ATTACH_FILTER, libc::SOL_SOCKET, &settings.filter)?;
        }
        Ok(rings)
    }

    /// A ring that is bound but receives nothing yet.
    fn new(index: u32, settings: &Settings, link: LinkType, number: u32) -> io::Result<Self> {
        let socket = socket(libc::AF_PACKET, libc::SOCK_RAW)?;
        attach(&socket, libc::SO_ATTACH_FILTER, libc::SOL_SOCKET, filter::NOTHING)?;
        set(&socket, libc::SOL_PACKET, libc::PACKET_VERSION, &(libc::tpacket_versions::TPACKET_V3 as c_int))?;
        set(&socket, libc::SOL_PACKET, libc::PACKET_RESERVE, &(TAG as c_int))?;
        set(&socket, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1)?;
        // Stamps are taken as a frame arrives, once for all who capture it, rather than when it is laid into a ring.
        set(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &1)?;
        if settings.hardware_time {
            set(&socket, libc::SOL_PACKET, libc::PACKET_TIMESTAMP, &libc::SOF_TIMESTAMPING_RAW_HARDWARE)?;
        }
        let memory = Memory::of_socket(&socket, settings.ring_octets.div_ceil(BLOCK).max(LEAST_BLOCKS))?;
        if settings.busy_poll > 0 {
            let refused =
                |error| Error::new(ErrorKind::PermissionDenied, format!("busy polling was refused ({error}): it needs CAP_NET_ADMIN"));
            set(&socket, libc::SOL_SOCKET, libc::SO_BUSY_POLL, &settings.busy_poll).map_err(refused)?;
        }
        bind(&socket, index)?;
        if settings.promiscuous {
            let wish = libc::packet_mreq {
                mr_ifindex: index.cast_signed(),
                mr_type: libc::PACKET_MR_PROMISC as u16,
                mr_alen: 0,
                mr_address: [0; 8],
            };
            set(&socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &wish)?;
        }
        let hardware_time = settings.hardware_time;
        Ok(Self {
            memory,
            socket,
            link,
            number,
            hardware_time,
            at: 0,
            held: false,
            left: 0,
            next: 0,
            counts: Counts::default(),
            read: 0,
            tags: 0,
        })
    }

    /// Receive no more; what the kernel holds already is handed over within [`RETIRE_MILLISECONDS`].
    ///
    /// # Errors
    /// What the kernel says; there is no known case.
    pub fn close(&self) -> io::Result<()> {
        attach(&self.socket, libc::SO_ATTACH_FILTER, libc::SOL_SOCKET, filter::NOTHING)
    }

    /// True where a frame is at hand. Gives back the block before.
    fn advance(&mut self) -> bool {
        while self.left == 0 {
            if core::mem::take(&mut self.held) {
                self.memory.give_back(self.at);
                self.at = self.at.wrapping_add(1);
                if self.at >= self.memory.count {
                    self.at = 0;
                }
            }
            let Some(block) = self.memory.block(self.at) else { return false };
            // Version, offset of private data, status, frames, offset of the first frame (tpacket_block_desc).
            let Some(front) = block.first_chunk::<20>() else { return false };
            let [.., n0, n1, n2, n3, o0, o1, o2, o3] = *front;
            self.held = true;
            self.left = u32::from_ne_bytes([n0, n1, n2, n3]);
            self.next = u32::from_ne_bytes([o0, o1, o2, o3]) as usize;
        }
        true
    }

    /// When the next frame was received; none where no frame waits.
    pub fn time(&mut self) -> Option<i64> {
        if !self.advance() {
            return None;
        }
        let header = self.memory.block(self.at)?.get(self.next..)?.first_chunk()?;
        Some(Header::read(header).time())
    }

    /// The next frame; none where no frame waits. It is lent until the next call.
    #[allow(clippy::should_implement_trait, reason = "a frame is lent until the next call, which Iterator cannot express")]
    #[inline]
    pub fn next(&mut self) -> Option<Frame<'_>> {
        if !self.advance() {
            return None;
        }
        self.left = self.left.wrapping_sub(1);
        self.read = self.read.wrapping_add(1);
        let at = self.next;
        let block = self.memory.block(self.at)?;
        let header = Header::read(block.get(at..)?.first_chunk()?);
        self.next = at.wrapping_add(header.next_offset as usize);
        let mut start = at.wrapping_add(usize::from(header.frame_offset));
        let end = start.wrapping_add(header.captured as usize);
        let mut wire_length = header.length;
        if header.status & libc::TP_STATUS_VLAN_VALID != 0 && self.link == LinkType::ETHERNET && restore_tag(block, start, end, &header) {
            start = start.wrapping_sub(TAG);
            wire_length = wire_length.saturating_add(TAG as u32);
            self.tags = self.tags.wrapping_add(1);
        }
        let octets = block.get(start..end)?;
        let wire_length = wire_length.max(u32::try_from(octets.len()).unwrap_or(u32::MAX));
        Some(Frame { octets, wire_length, time: header.time(), link: self.link, interface: self.number })
    }

    /// What the kernel has counted since the ring was opened.
    pub fn counts(&mut self) -> Counts {
        // SAFETY: the structure consists of numbers only, for which zero is a value.
        let mut new: libc::tpacket_stats_v3 = unsafe { core::mem::zeroed() };
        if get(&self.socket, libc::SOL_PACKET, libc::PACKET_STATISTICS, &mut new).is_ok() {
            // The kernel begins anew after each reading.
            self.counts.packets = self.counts.packets.saturating_add(u64::from(new.tp_packets));
            self.counts.dropped = self.counts.dropped.saturating_add(u64::from(new.tp_drops));
            self.counts.full = self.counts.full.saturating_add(u64::from(new.tp_freeze_q_cnt));
        }
        self.counts
    }

    /// True where all has been read that the kernel has laid into the ring.
    pub fn is_read(&mut self) -> bool {
        self.read >= self.laid()
    }

    /// True where all has been handed over that the kernel has laid into the ring. A busy machine may take longer than it was
    /// told to until it hands over the last block.
    pub fn is_handed_over(&mut self) -> bool {
        let laid = self.laid();
        let following = (1..self.memory.count).map(|ahead| self.at.wrapping_add(ahead).checked_rem(self.memory.count).unwrap_or(0));
        let first = if self.held { u64::from(self.left) } else { self.memory.frames(self.at).unwrap_or(0) };
        let waiting = following.map_while(|at| self.memory.frames(at)).fold(first, u64::saturating_add);
        self.read.saturating_add(waiting) >= laid
    }

    fn laid(&mut self) -> u64 {
        let counts = self.counts();
        counts.packets.saturating_sub(counts.dropped)
    }

    /// Blocks that wait to be read, and all.
    #[must_use]
    pub fn fill(&self) -> (usize, usize) {
        let waiting = (0..self.memory.count).filter(|at| self.memory.is_ours(*at)).count();
        (waiting, self.memory.count)
    }

    /// VLAN tags put back that the kernel had taken off.
    #[must_use]
    pub const fn tags(&self) -> u64 {
        self.tags
    }

    /// Time stamps are the card's own.
    #[must_use]
    pub const fn has_hardware_time(&self) -> bool {
        self.hardware_time
    }

    /// Number of the interface, as in its frames.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }
}

/// Sleep until one of the rings has frames or trouble, or the time is over.
pub fn wait(rings: &[Ring], milliseconds: c_int) {
    let wish = |ring: &Ring| libc::pollfd { fd: ring.socket.as_raw_fd(), events: libc::POLLIN | libc::POLLERR, revents: 0 };
    let mut wishes: Vec<libc::pollfd> = rings.iter().map(wish).collect();
    // SAFETY: pointer and length are those of the vector, which outlives the call.
    let ready = unsafe { libc::poll(wishes.as_mut_ptr(), wishes.len() as libc::nfds_t, milliseconds) };
    if ready <= 0 {
        return;
    }
    for (ring, wish) in rings.iter().zip(&wishes) {
        if wish.revents & libc::POLLERR != 0 {
            // An interface that was switched off or is gone says so once, until the error has been read.
            let mut error: c_int = 0;
            let _ = get(&ring.socket, libc::SOL_SOCKET, libc::SO_ERROR, &mut error);
        }
    }
}

/// Ask the card for time stamps of all frames that it receives.
///
/// # Errors
/// Where the card has none, or this process may not ask.
pub fn enable_hardware_time(interface: &Interface) -> io::Result<()> {
    let mut octets = [0_u8; libc::IF_NAMESIZE];
    for (to, from) in octets.iter_mut().zip(interface.name.as_bytes()) {
        *to = *from;
    }
    let socket = socket(libc::AF_INET, libc::SOCK_DGRAM)?;
    let mut wish = libc::hwtstamp_config { flags: 0, tx_type: 0, rx_filter: libc::HWTSTAMP_FILTER_ALL.cast_signed() };
    let mut request = request(&octets);
    request.ifr_ifru.ifru_data = ptr::from_mut(&mut wish).cast();
    ask(&socket, libc::SIOCSHWTSTAMP, &mut request)
}

/// The kernel's header of a frame (`tpacket3_hdr`).
struct Header {
    next_offset: u32,
    seconds: u32,
    nanoseconds: u32,
    captured: u32,
    length: u32,
    status: u32,
    frame_offset: u16,
    tag: [u8; 2],
    tag_type: [u8; 2],
}

impl Header {
    #[inline]
    fn read(octets: &[u8; 40]) -> Self {
        let ([next, seconds, nanoseconds, captured, length, status, offsets, _hash, tag, tag_type], _) = octets.as_chunks::<4>() else {
            // Forty octets are ten words; with none of them there is no frame.
            return Self {
                next_offset: 0,
                seconds: 0,
                nanoseconds: 0,
                captured: 0,
                length: 0,
                status: 0,
                frame_offset: 0,
                tag: [0; 2],
                tag_type: [0; 2],
            };
        };
        let [m0, m1, ..] = *offsets;
        let [p0, p1, ..] = *tag_type;
        let [_, _, t0, t1] = u32::from_ne_bytes(*tag).to_be_bytes();
        Self {
            next_offset: u32::from_ne_bytes(*next),
            seconds: u32::from_ne_bytes(*seconds),
            nanoseconds: u32::from_ne_bytes(*nanoseconds),
            captured: u32::from_ne_bytes(*captured),
            length: u32::from_ne_bytes(*length),
            status: u32::from_ne_bytes(*status),
            frame_offset: u16::from_ne_bytes([m0, m1]),
            tag: [t0, t1],
            tag_type: u16::from_ne_bytes([p0, p1]).to_be_bytes(),
        }
    }

    #[inline]
    fn time(&self) -> i64 {
        i64::from(self.seconds).wrapping_mul(1_000_000_000).wrapping_add(i64::from(self.nanoseconds))
    }
}

/// Put the tag back that the kernel took off: the addresses move into the room before the frame.
#[cold]
fn restore_tag(block: &mut [u8], start: usize, end: usize, header: &Header) -> bool {
    const ADDRESSES: usize = 12;
    let Some(frame) = start.checked_sub(TAG).and_then(|from| block.get_mut(from..end)) else { return false };
    if frame.len() < TAG.wrapping_add(ADDRESSES) {
        return false;
    }
    frame.copy_within(TAG..TAG.wrapping_add(ADDRESSES), 0);
    let [p0, p1] = if header.status & libc::TP_STATUS_VLAN_TPID_VALID != 0 { header.tag_type } else { [0x81, 0x00] };
    let [t0, t1] = header.tag;
    if let Some(place) = frame.get_mut(ADDRESSES..ADDRESSES.wrapping_add(TAG)) {
        place.copy_from_slice(&[p0, p1, t0, t1]);
    }
    true
}

/// The memory that the kernel and this process share.
struct Memory {
    start: NonNull<u8>,
    count: usize,
}

// SAFETY: the pointer is to a mapping that belongs to this value alone; nothing about it depends on the thread.

unsafe impl Send for Memory {}

impl Memory {
    /// Where in a block the word lies that says whose it is (`tpacket_hdr_v1.block_status`).
    const STATUS: usize = 8;
    /// And the one that says how many frames are in it (`tpacket_hdr_v1.num_pkts`).
    const FRAMES: usize = 12;

    fn of_socket(socket: &OwnedFd, count: usize) -> io::Result<Self> {
        let length = count.saturating_mul(BLOCK);
        let number = |value: usize| u32::try_from(value).map_err(|_| Error::from(ErrorKind::InvalidInput));
        let wish = libc::tpacket_req3 {
            tp_block_size: number(BLOCK)?,
            tp_block_nr: number(count)?,
            tp_frame_size: number(FRAME)?,
            tp_frame_nr: number(length / FRAME)?,
            tp_retire_blk_tov: RETIRE_MILLISECONDS,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        set(socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &wish)?;
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory that is in use.
        let start = unsafe { libc::mmap(ptr::null_mut(), length, protection, flags, socket.as_raw_fd(), 0) };
        if start == libc::MAP_FAILED {
            return Err(Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| Error::from(ErrorKind::OutOfMemory))?;
        Ok(Self { start, count })
    }

    fn front(&self, at: usize) -> *mut u8 {
        let offset = if at < self.count { at.wrapping_mul(BLOCK) } else { 0 };
        // SAFETY: the offset is that of a block within the mapping.
        unsafe { self.start.as_ptr().add(offset) }
    }

    fn status(&self, at: usize) -> &AtomicU32 {
        self.word::<{ Self::STATUS }>(at)
    }

    fn word<const OFFSET: usize>(&self, at: usize) -> &AtomicU32 {
        const { assert!(OFFSET.is_multiple_of(4) && OFFSET < BLOCK - 4) };
        // SAFETY: the word lies within the block, is aligned to four octets since blocks are aligned to pages, lives as long as
        // `self`, and is only ever touched atomically while `self` is shared: here, and by the kernel.
        unsafe { AtomicU32::from_ptr(self.front(at).add(OFFSET).cast()) }
    }

    fn is_ours(&self, at: usize) -> bool {
        self.status(at).load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }

    /// What lies in a block, where it is ours.
    #[inline]
    fn block(&mut self, at: usize) -> Option<&mut [u8]> {
        if !self.is_ours(at) {
            return None;
        }
        // SAFETY: the block lies within the mapping. The kernel has handed it over (what it wrote is visible by the acquiring
        // load) and does not touch it until `give_back`, which takes `&mut self` and so cannot happen while this is lent.
        // Its octets are numbers of any value.
        Some(unsafe { core::slice::from_raw_parts_mut(self.front(at), BLOCK) })
    }

    /// How many frames lie in a block, where it is ours.
    fn frames(&self, at: usize) -> Option<u64> {
        self.is_ours(at).then(|| u64::from(self.word::<{ Self::FRAMES }>(at).load(Ordering::Relaxed)))
    }

    /// Hand a block back to the kernel.
    fn give_back(&mut self, at: usize) {
        self.status(at).store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping was made with this length, and nothing that was lent of it outlives `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.count.wrapping_mul(BLOCK)) };
    }
}

/// The rings share what the interface receives.
fn share(rings: &[Ring]) -> io::Result<()> {
    let how = libc::PACKET_FANOUT_CBPF | libc::PACKET_FANOUT_FLAG_IGNORE_OUTGOING;
    let mut group = (how | libc::PACKET_FANOUT_FLAG_UNIQUEID) << 16;
    for (at, ring) in rings.iter().enumerate() {
        set(&ring.socket, libc::SOL_PACKET, libc::PACKET_FANOUT, &group)?;
        if at == 0 {
            get(&ring.socket, libc::SOL_PACKET, libc::PACKET_FANOUT, &mut group)?;
            group = (group & 0xffff) | how << 16;
            attach(&ring.socket, libc::PACKET_FANOUT_DATA, libc::SOL_PACKET, &filter::choose_worker())?;
        }
    }
    Ok(())
}

fn socket(family: c_int, kind: c_int) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers; protocol 0 receives nothing until it is bound.
    let number = unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0) };
    if number < 0 {
        return Err(Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

fn bind(socket: &OwnedFd, index: u32) -> io::Result<()> {
    // SAFETY: the structure consists of numbers only, for which zero is a value.
    let mut address: libc::sockaddr_ll = unsafe { core::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = index.cast_signed();
    // SAFETY: pointer and length are those of the structure, which outlives the call.
    said(unsafe { libc::bind(socket.as_raw_fd(), ptr::from_ref(&address).cast(), size_of::<libc::sockaddr_ll>() as libc::socklen_t) })
}

fn set<T: Copy>(socket: &OwnedFd, level: c_int, option: c_int, value: &T) -> io::Result<()> {
    // SAFETY: pointer and length are those of the value, which outlives the call.
    said(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, ptr::from_ref(value).cast(), size_of::<T>() as libc::socklen_t) })
}

fn get<T: Copy>(socket: &OwnedFd, level: c_int, option: c_int, value: &mut T) -> io::Result<()> {
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: pointer and length are those of the value, which outlives the call; all callers ask for numbers of any value.
    said(unsafe { libc::getsockopt(socket.as_raw_fd(), level, option, ptr::from_mut(value).cast(), &raw mut length) })
}

fn attach(socket: &OwnedFd, option: c_int, level: c_int, program: &[Instruction]) -> io::Result<()> {
    let mut code: Vec<libc::sock_filter> = program.iter().map(|&(code, jt, jf, k)| libc::sock_filter { code, jt, jf, k }).collect();
    let length = u16::try_from(code.len()).map_err(|_| Error::from(ErrorKind::InvalidInput))?;
    let program = libc::sock_fprog { len: length, filter: code.as_mut_ptr() };
    set(socket, level, option, &program)
}

fn request(name: &[u8; libc::IF_NAMESIZE]) -> libc::ifreq {
    // SAFETY: the structure consists of numbers and pointers that only the kernel reads, for which zero is a value.
    let mut request: libc::ifreq = unsafe { core::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.iter().take(libc::IF_NAMESIZE.saturating_sub(1))) {
        *to = from.cast_signed() as libc::c_char;
    }
    request
}

fn ask(socket: &OwnedFd, what: libc::Ioctl, request: &mut libc::ifreq) -> io::Result<()> {
    // SAFETY: all callers ask for what takes such a request; it outlives the call, and so does what it points to.
    said(unsafe { libc::ioctl(socket.as_raw_fd(), what, ptr::from_mut(request)) })
}

fn said(answer: c_int) -> io::Result<()> {
    if answer < 0 { Err(Error::last_os_error()) } else { Ok(()) }
}
