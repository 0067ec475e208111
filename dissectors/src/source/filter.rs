//! Which frames the kernel hands over, and to which worker: programs of the classic packet filter.
//!
//! A program is a list of instructions of operation, jump where true, jump where false and operand (Linux,
//! `Documentation/networking/filter.rst`). It can read the frame at hand and return a number, nothing else: the kernel checks
//! that it ends. Filters come compiled, as `tcpdump -dd` or `-ddd` prints them; the choice of a worker is made here.

use crate::decode::{IPV4, IPV6};

/// One instruction: operation, jump where true, jump where false, operand.
pub type Instruction = (u16, u8, u8, u32);

/// The most instructions that the kernel takes.
const MOST: usize = 4096;

// Operations (linux/bpf_common.h): the accumulator, an index register and two words of memory. Loads at the index add it to
// their operand.
const LOAD_HALF: u16 = 0x28;
const LOAD_WORD_AT_INDEX: u16 = 0x40;
const LOAD_HALF_AT_INDEX: u16 = 0x48;
const LOAD_OCTET_AT_INDEX: u16 = 0x50;
const LOAD_INDEX: u16 = 0x01;
const LOAD_FROM_MEMORY: u16 = 0x60;
const LOAD_INDEX_FROM_MEMORY: u16 = 0x61;
const STORE: u16 = 0x02;
const INDEX_OF_ACCUMULATOR: u16 = 0x07;
const ACCUMULATOR_OF_INDEX: u16 = 0x87;
const ADD: u16 = 0x04;
const ADD_INDEX: u16 = 0x0c;
const XOR_INDEX: u16 = 0xac;
const MULTIPLY: u16 = 0x24;
const SHIFT_LEFT: u16 = 0x64;
const SHIFT_RIGHT: u16 = 0x74;
const AND: u16 = 0x54;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_SET: u16 = 0x45;
const JUMP: u16 = 0x05;
const RETURN: u16 = 0x06;
const RETURN_ACCUMULATOR: u16 = 0x16;

/// Where a load finds the `EtherType` after the tag that the kernel took off (`SKF_AD_OFF` + `SKF_AD_PROTOCOL`).
const PROTOCOL: u32 = 0xffff_f000;
/// From here on operands count from the network header (`SKF_NET_OFF`).
const NETWORK: u32 = 0xfff0_0000;

/// Takes nothing: what a socket begins with, so that it sees no frame before all is set, and ends with.
pub const NOTHING: &[Instruction] = &[(RETURN, 0, 0, 0)];

/// A compiled filter as `tcpdump -dd` or `-ddd` prints it.
///
/// # Errors
/// Where a line is no instruction, or there is none or too many.
pub fn parse(text: &str) -> Result<Vec<Instruction>, String> {
    let mut program = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let numbers: Vec<&str> = line.split(|c: char| c.is_whitespace() || "{},".contains(c)).filter(|part| !part.is_empty()).collect();
        match *numbers.as_slice() {
            [_count] if program.is_empty() && number(line).is_some() => {}
            [operation, jump_true, jump_false, operand] => {
                program.push(instruction([operation, jump_true, jump_false, operand]).ok_or_else(|| refusal(line))?);
            }
            _ => return Err(refusal(line)),
        }
    }
    match program.len() {
        0 => Err("a filter without an instruction".to_owned()),
        1..=MOST => Ok(program),
        count => Err(format!("a filter of {count} instructions, where {MOST} are the most")),
    }
}

fn refusal(line: &str) -> String {
    let line: String = line.chars().take(60).collect();
    format!("{line:?} is no instruction of a compiled filter, as tcpdump -dd prints them")
}

fn number(text: &str) -> Option<u32> {
    text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |digits| u32::from_str_radix(digits, 16).ok())
}

fn instruction([operation, jump_true, jump_false, operand]: [&str; 4]) -> Option<Instruction> {
    let (operation, operand) = (u16::try_from(number(operation)?).ok()?, number(operand)?);
    Some((operation, u8::try_from(number(jump_true)?).ok()?, u8::try_from(number(jump_false)?).ok()?, operand))
}

/// The filter with no more than `snap_length` octets handed over of each frame; without a filter, all frames.
#[must_use]
pub fn cut(filter: Option<&[Instruction]>, snap_length: u32) -> Vec<Instruction> {
    let cut_one = |instruction: &Instruction| match *instruction {
        (RETURN, jump_true, jump_false, octets) => (RETURN, jump_true, jump_false, octets.min(snap_length)),
        other => other,
    };
    filter.unwrap_or(&[(RETURN, 0, 0, u32::MAX)]).iter().map(cut_one).collect()
}

/// Which worker takes a frame; the kernel divides what it returns by the number of workers and takes the rest.
///
/// Both directions of a conversation come to the same one, whatever its ports, tags and fragments: the number is made of
/// the two IP addresses, combined by exclusive or, which knows no order. What has no IP after its VLAN and HSR tags, and what
/// belongs together beyond two addresses, comes to the first worker: tunnels, and `EtherNet/IP`, whose connections are
/// opened between two addresses and may send to a third, a group.
#[must_use]
pub fn choose_worker() -> Vec<Instruction> {
    let mut program = Assembler::default();
    // The index is where the network header begins, counted from where the kernel found it.
    program.add(LOAD_INDEX, 0);
    program.add(LOAD_HALF, PROTOCOL);
    for (tagged, redundant, next) in [("tag 1", "HSR 1", "next 1"), ("tag 2", "HSR 2", "next 2"), ("tag 3", "HSR 3", "next 3")] {
        program.jump(JUMP_EQUAL, u32::from(IPV4), Some("v4"), None);
        program.jump(JUMP_EQUAL, u32::from(IPV6), Some("v6"), None);
        for tag in [0x8100, 0x88a8, 0x9100, 0x9200, 0x9300] {
            program.jump(JUMP_EQUAL, tag, Some(tagged), None);
        }
        program.jump(JUMP_EQUAL, 0x892f, Some(redundant), Some(FIRST));
        program.label(tagged);
        program.unwrap(2, 4);
        program.jump(JUMP, 0, Some(next), None);
        program.label(redundant);
        program.unwrap(4, 6);
        program.label(next);
    }
    program.jump(JUMP_EQUAL, u32::from(IPV4), Some("v4"), None);
    program.jump(JUMP_EQUAL, u32::from(IPV6), Some("v6"), Some(FIRST));

    program.label("v6");
    program.addresses_unless_together(6, ["ports of v6", "addresses of v6"], |program| {
        program.add(ACCUMULATOR_OF_INDEX, 0);
        program.add(ADD, 40);
    });
    program.combine(&[8, 12, 16, 20, 24, 28, 32, 36]);
    program.jump(JUMP, 0, Some("mix"), None);

    program.label("v4");
    program.addresses_unless_together(9, ["ports of v4", "addresses of v4"], |program| {
        program.add(LOAD_HALF_AT_INDEX, NETWORK.wrapping_add(6));
        program.jump(JUMP_SET, 0x1fff, Some("addresses of v4"), None);
        program.add(LOAD_OCTET_AT_INDEX, NETWORK);
        program.add(AND, 0x0f);
        program.add(SHIFT_LEFT, 2);
        program.add(ADD_INDEX, 0);
    });
    program.combine(&[12, 16]);

    program.label("mix");
    program.add(MULTIPLY, 0x9e37_79b1);
    program.add(SHIFT_RIGHT, 16);
    program.add(AND, 0x7fff);
    program.add(RETURN_ACCUMULATOR, 0);
    program.label(FIRST);
    program.add(RETURN, 0);
    program.assemble()
}

/// Where it ends with the first worker.
const FIRST: &str = "first";
/// Where the network header begins, in memory.
const BEGIN: u32 = 0;
/// What has been made so far, in memory.
const SO_FAR: u32 = 1;

/// Operation, operand, where to go on where it is true and where it is not.
type Line = (u16, u32, Option<&'static str>, Option<&'static str>);

/// Instructions with names for the places that they jump to.
#[derive(Default)]
struct Assembler {
    lines: Vec<Line>,
    labels: Vec<(&'static str, usize)>,
}

impl Assembler {
    fn add(&mut self, operation: u16, operand: u32) {
        self.jump(operation, operand, None, None);
    }

    /// Without a label it goes on with the next line.
    fn jump(&mut self, operation: u16, operand: u32, when_true: Option<&'static str>, when_false: Option<&'static str>) {
        self.lines.push((operation, operand, when_true, when_false));
    }

    /// Pass over a tag of `length` octets with an `EtherType` at `offset`, which is in the accumulator then.
    fn unwrap(&mut self, offset: u32, length: u32) {
        self.add(LOAD_HALF_AT_INDEX, NETWORK.wrapping_add(offset));
        self.add(STORE, SO_FAR);
        self.add(ACCUMULATOR_OF_INDEX, 0);
        self.add(ADD, length);
        self.add(INDEX_OF_ACCUMULATOR, 0);
        self.add(LOAD_FROM_MEMORY, SO_FAR);
    }

    /// Look at the transport, whose number is at `offset`: to the first worker with what belongs together beyond two addresses,
    /// told by a port; `find_ports` has the accumulator say where those are.
    fn addresses_unless_together(&mut self, offset: u32, [ports, addresses]: [&'static str; 2], find_ports: fn(&mut Self)) {
        self.add(ACCUMULATOR_OF_INDEX, 0);
        self.add(STORE, BEGIN);
        self.add(LOAD_OCTET_AT_INDEX, NETWORK.wrapping_add(offset));
        self.jump(JUMP_EQUAL, u32::from(crate::tunnel::GRE), Some(FIRST), None);
        self.jump(JUMP_EQUAL, u32::from(crate::decode::TCP), Some(ports), None);
        self.jump(JUMP_EQUAL, u32::from(crate::decode::UDP), Some(ports), Some(addresses));
        self.label(ports);
        find_ports(self);
        self.add(INDEX_OF_ACCUMULATOR, 0);
        for offset in [0, 2] {
            self.add(LOAD_HALF_AT_INDEX, NETWORK.wrapping_add(offset));
            for port in crate::tunnel::PORTS.iter().chain(&[44818, 2222]) {
                self.jump(JUMP_EQUAL, u32::from(*port), Some(FIRST), None);
            }
        }
        self.label(addresses);
    }

    /// Combine the words at these offsets of the network header in the accumulator.
    fn combine(&mut self, offsets: &[u32]) {
        self.add(LOAD_INDEX, 0);
        self.add(ACCUMULATOR_OF_INDEX, 0);
        for offset in offsets {
            self.add(STORE, SO_FAR);
            self.add(LOAD_INDEX_FROM_MEMORY, BEGIN);
            self.add(LOAD_WORD_AT_INDEX, NETWORK.wrapping_add(*offset));
            self.add(LOAD_INDEX_FROM_MEMORY, SO_FAR);
            self.add(XOR_INDEX, 0);
        }
    }

    fn label(&mut self, label: &'static str) {
        self.labels.push((label, self.lines.len()));
    }

    fn assemble(self) -> Vec<Instruction> {
        let distance = |from: usize, label: Option<&str>| {
            let to = self.labels.iter().find(|(name, _)| Some(*name) == label).map_or(0, |(_, line)| *line);
            to.saturating_sub(from.saturating_add(1))
        };
        let short = |distance: usize| u8::try_from(distance).unwrap_or(u8::MAX);
        let one = |(line, (operation, operand, when_true, when_false)): (usize, &Line)| match *operation {
            JUMP => (JUMP, 0, 0, u32::try_from(distance(line, *when_true)).unwrap_or(0)),
            _ => (*operation, short(distance(line, *when_true)), short(distance(line, *when_false)), *operand),
        };
        self.lines.iter().enumerate().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel does with a program, for the operations that the choice of a worker uses; a load past the end returns 0.
    fn run(program: &[Instruction], frame: &[u8], protocol: u32) -> u32 {
        let network = 14;
        let (mut at, mut accumulator, mut index, mut memory) = (0_usize, 0_u32, 0_u32, [0_u32; 2]);
        loop {
            let (operation, jump_true, jump_false, operand) = program[at];
            at += 1;
            let load = |size: usize| {
                let start = network + operand.wrapping_sub(NETWORK).wrapping_add(index) as usize;
                frame.get(start..start + size).map(|octets| octets.iter().fold(0, |sum, octet| sum << 8 | u32::from(*octet)))
            };
            match operation {
                LOAD_HALF => {
                    assert_eq!(operand, PROTOCOL);
                    accumulator = protocol;
                }
                LOAD_WORD_AT_INDEX | LOAD_HALF_AT_INDEX | LOAD_OCTET_AT_INDEX => {
                    let size = match operation {
                        LOAD_WORD_AT_INDEX => 4,
                        LOAD_HALF_AT_INDEX => 2,
                        _ => 1,
                    };
                    let Some(loaded) = load(size) else { return 0 };
                    accumulator = loaded;
                }
                LOAD_INDEX => index = operand,
                LOAD_FROM_MEMORY => accumulator = memory[operand as usize],
                LOAD_INDEX_FROM_MEMORY => index = memory[operand as usize],
                STORE => memory[operand as usize] = accumulator,
                INDEX_OF_ACCUMULATOR => index = accumulator,
                ACCUMULATOR_OF_INDEX => accumulator = index,
                ADD => accumulator = accumulator.wrapping_add(operand),
                ADD_INDEX => accumulator = accumulator.wrapping_add(index),
                XOR_INDEX => accumulator ^= index,
                MULTIPLY => accumulator = accumulator.wrapping_mul(operand),
                SHIFT_LEFT => accumulator <<= operand,
                SHIFT_RIGHT => accumulator >>= operand,
                AND => accumulator &= operand,
                JUMP => at += operand as usize,
                JUMP_EQUAL => at += usize::from(if accumulator == operand { jump_true } else { jump_false }),
                JUMP_SET => at += usize::from(if accumulator & operand != 0 { jump_true } else { jump_false }),
                RETURN => return operand,
                RETURN_ACCUMULATOR => return accumulator,
                other => panic!("operation {other:#x}"),
            }
        }
    }

    /// The frame with octets between its Ethernet header and the rest.
    fn tagged(frame: &[u8], tag: &[u8]) -> Vec<u8> {
        [&frame[..14], tag, &frame[14..]].concat()
    }

    fn v4(source: [u8; 4], destination: [u8; 4], protocol: u8, ports: (u16, u16), fragment: u16) -> Vec<u8> {
        let mut frame = vec![0; 14];
        frame.extend([0x46, 0, 0, 60, 0, 1]);
        frame.extend(fragment.to_be_bytes());
        frame.extend([64, protocol, 0, 0]);
        frame.extend(source.into_iter().chain(destination).chain([1, 1, 1, 0]));
        frame.extend(ports.0.to_be_bytes().into_iter().chain(ports.1.to_be_bytes()));
        frame.extend([0; 32]);
        frame
    }

    fn v6(source: [u8; 16], destination: [u8; 16], ports: (u16, u16)) -> Vec<u8> {
        let mut frame = vec![0; 14];
        frame.extend([0x60, 0, 0, 0, 0, 40, 6, 64]);
        frame.extend(source.into_iter().chain(destination));
        frame.extend(ports.0.to_be_bytes().into_iter().chain(ports.1.to_be_bytes()));
        frame.extend([0; 32]);
        frame
    }

    #[test]
    fn both_directions_come_to_one_worker_whatever_the_ports_and_fragments() {
        let program = choose_worker();
        let mut taken = [0_u32; 4];
        for host in 0..200_u8 {
            let (client, server) = ([10, 0, 1, host], [10, 0, host / 3, 7]);
            let there = run(&program, &v4(client, server, 6, (40_000, 502), 0), 0x0800);
            for frame in [
                v4(server, client, 6, (502, 40_000), 0),
                v4(client, server, 6, (40_001, 102), 0),
                v4(server, client, 17, (9, 9), 0x2000),
                v4(server, client, 17, (0, 0), 0x0001),
                v4(server, client, 1, (0, 0), 0),
            ] {
                assert_eq!(run(&program, &frame, 0x0800), there);
            }
            let frame = v4(server, client, 17, (9, 9), 0);
            assert_eq!(run(&program, &tagged(&frame, &[0, 7, 8, 0]), 0x8100), there);
            assert_eq!(run(&program, &tagged(&frame, &[0, 46, 0, 1, 8, 0]), 0x892f), there);
            assert_eq!(run(&program, &tagged(&frame, &[0, 46, 0, 1, 0x81, 0, 0, 7, 8, 0]), 0x892f), there);
            taken[there as usize % 4] += 1;
            let (mut client, mut server) = ([0xfe; 16], [0x20; 16]);
            (client[15], server[15]) = (host, host / 3);
            let there = run(&program, &v6(client, server, (40_000, 502)), 0x86dd);
            assert_eq!(run(&program, &v6(server, client, (502, 40_000)), 0x86dd), there);
        }
        assert!(taken.iter().all(|count| *count > 20), "{taken:?}");
    }

    #[test]
    fn what_belongs_together_beyond_two_addresses_comes_to_the_first_worker() {
        let program = choose_worker();
        let (one, other) = ([10, 0, 0, 1], [239, 192, 1, 1]);
        assert_ne!(run(&program, &v4(one, other, 17, (9, 9), 0), 0x0800), 0);
        for frame in [
            v4(one, other, 17, (2222, 2222), 0),
            v4(one, other, 6, (44818, 5), 0),
            v4(one, other, 17, (5, 4789), 0),
            v4(one, other, 47, (0, 0), 0),
        ] {
            assert_eq!(run(&program, &frame, 0x0800), 0);
        }
        assert_eq!(run(&program, &v4(one, other, 6, (1, 2), 0), 0x8892), 0, "no IP");
        assert_eq!(run(&program, &v4(one, other, 6, (1, 2), 0)[..20], 0x0800), 0, "cut off");
    }

    #[test]
    fn compiled_filters_are_read_as_tcpdump_prints_them() {
        let program = vec![(0x28, 0, 0, 12), (0x15, 0, 1, 0x800), (6, 0, 0, 262_144), (6, 0, 0, 0)];
        let braces = "{ 0x28, 0, 0, 0x0000000c },\n{ 0x15, 0, 1, 0x00000800 },\n{ 0x6, 0, 0, 0x00040000 },\n{ 0x6, 0, 0, 0x00000000 },\n";
        assert_eq!(parse(braces), Ok(program.clone()));
        assert_eq!(parse("4\n40 0 0 12\n21 0 1 2048\n6 0 0 262144\n6 0 0 0\n"), Ok(program.clone()));
        assert_eq!(cut(Some(&program), 96)[2..], [(6, 0, 0, 96), (6, 0, 0, 0)]);
        assert_eq!(cut(None, 96), [(6, 0, 0, 96)]);
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for text in ["", "tcp port 502", "{ 0x28, 0, 0 }", "{ 0x28, 0, 300, 0 }", "{ 0x10000, 0, 0, 0 }", "{ 0x6, 0, 0, 0 }\n4\n", "4"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"6 0 0 0\n".repeat(4097)).unwrap_err().contains("4097"));
    }
}
