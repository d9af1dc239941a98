//! What Objective-C keeps about itself in a program: classes, their methods and variables, and which code a method
//! is. It must be there for the program to run, whatever else was stripped.

use super::macho::Section;
use super::{Image, Interface, Site, Start};

/// Methods or variables of one class.
const MEMBERS_MAX: u64 = 1 << 14;
/// Marks a list of methods as one of offsets.
const IS_SMALL: u32 = 0x8000_0000;

struct Reader<'a, 'b> {
    image: &'b mut Image<'a>,
    base: u64,
    is_wide: bool,
}

pub(super) fn read(image: &mut Image<'_>, sections: &[Section], base: u64, is_wide: bool) {
    let width = if is_wide { 8 } else { 4 };
    let mut reader = Reader { image, base, is_wide };
    for section in sections {
        let count = section.size / width;
        match section.name.as_str() {
            "__objc_selrefs" => {
                for n in 0..count {
                    if reader.image.allowance.entry().is_none() {
                        return;
                    }
                    let slot = section.address.wrapping_add(n * width);
                    if let Some(text) = reader.pointer(slot) {
                        reader.image.selectors.insert(slot, text);
                    }
                }
            }
            // A string object: its class, flags, its bytes.
            "__cfstring" => {
                for n in 0..section.size / (4 * width) {
                    if reader.image.allowance.entry().is_none() {
                        return;
                    }
                    let object = section.address.wrapping_add(n * 4 * width);
                    if let Some(text) = reader.pointer(object.wrapping_add(2 * width)) {
                        reader.image.selectors.insert(object, text);
                    }
                }
            }
            "__objc_classlist" | "__objc_catlist" => {
                for n in 0..count {
                    if reader.image.allowance.entry().is_none() {
                        return;
                    }
                    let slot = section.address.wrapping_add(n * width);
                    let is_category = section.name == "__objc_catlist";
                    let Some(object) = reader.pointer(slot) else { continue };
                    if is_category {
                        reader.category(object)
                    } else {
                        reader.class(object)
                    };
                }
            }
            _ => {}
        }
    }
}

impl Reader<'_, '_> {
    /// A pointer, as written, as a linker would write it, or as chained to others for the loader.
    fn pointer(&self, slot: u64) -> Option<u64> {
        match self.image.sites.get(&slot) {
            Some(Site::Address(address)) => return Some(*address),
            Some(Site::Import(_)) => return None,
            None => {}
        }
        if !self.is_wide {
            return self.image.u32(slot).map(u64::from).filter(|address| *address != 0);
        }
        let raw = self.image.u64(slot)?;
        if raw == 0 {
            return None;
        }
        let (near, far) = (raw & 0xf_ffff_ffff, raw & 0xffff_ffff);
        let candidates = [raw, near, near.wrapping_add(self.base), far.wrapping_add(self.base)];
        candidates.into_iter().find(|address| self.image.at(*address).is_some_and(|bytes| !bytes.is_empty()))
    }

    fn name(&self, address: u64) -> Option<String> {
        let bytes = self.image.at(address)?;
        let bytes = bytes.get(..super::NAME_BYTES_MAX).unwrap_or(bytes);
        let text = bytes.split(|byte| *byte == 0).next().filter(|text| !text.is_empty())?;
        let name = std::str::from_utf8(text).ok()?;
        self.image.allowance.name(name)?;
        Some(name.to_owned())
    }

    fn field(&self, object: u64, n: u64) -> Option<u64> {
        self.pointer(object.wrapping_add(n * if self.is_wide { 8 } else { 4 }))
    }

    fn class(&mut self, object: u64) -> Option<()> {
        let data = self.field(object, 4)? & !7;
        let mut interface = Interface { name: self.name(self.name_of(data)?)?, members: Vec::new() };
        self.body(data, &mut interface);
        // Its own class has the methods that need no object.
        if let Some(own) = self.field(object, 0).and_then(|class| self.field(class, 4)) {
            self.body(own & !7, &mut interface);
        }
        self.image.interfaces.push(interface);
        Some(())
    }

    fn name_of(&self, data: u64) -> Option<u64> {
        self.pointer(data.wrapping_add(if self.is_wide { 24 } else { 16 }))
    }

    fn body(&mut self, data: u64, interface: &mut Interface) {
        let (methods, variables) = if self.is_wide { (32, 48) } else { (20, 28) };
        if let Some(list) = self.pointer(data.wrapping_add(methods)) {
            self.methods(list, interface);
        }
        if let Some(list) = self.pointer(data.wrapping_add(variables)) {
            self.variables(list, interface);
        }
    }

    fn category(&mut self, object: u64) -> Option<()> {
        let mut interface = Interface { name: self.name(self.field(object, 0)?)?, members: Vec::new() };
        for n in [2, 3] {
            if let Some(list) = self.field(object, n) {
                self.methods(list, &mut interface);
            }
        }
        self.image.interfaces.push(interface);
        Some(())
    }

    /// How many members a list has; nothing if it is no list. An object file that is not linked points anywhere.
    fn members(&self, list: u64, size: u32, count: u32, each: u64) -> Option<u64> {
        let count = u64::from(count);
        let there = self.image.at(list)?.len() as u64;
        (u64::from(size) == each && count <= MEMBERS_MAX && 8 + count * each <= there).then_some(count)
    }

    fn methods(&mut self, list: u64, interface: &mut Interface) -> Option<()> {
        let (flags, count) = (self.image.u32(list)?, self.image.u32(list.wrapping_add(4))?);
        let is_small = flags & IS_SMALL != 0;
        let each = if is_small || !self.is_wide { 12 } else { 24 };
        for n in 0..self.members(list, flags & 0xfffc, count, each)? {
            self.image.allowance.entry()?;
            let at = list.wrapping_add(8).wrapping_add(n.wrapping_mul(each));
            let (name, code) = if is_small {
                let offset = |at: u64| Some(at.wrapping_add_signed(i64::from(self.image.u32(at)?.cast_signed())));
                (self.pointer(offset(at)?), offset(at.wrapping_add(8)))
            } else {
                (self.field(at, 0), self.field(at, 2))
            };
            let Some(name) = name.and_then(|name| self.name(name)) else { continue };
            if let Some(address) = code {
                let is_arm = self.image.machine == super::Machine::Arm;
                self.image.starts.push(Start {
                    address: if is_arm { address & !1 } else { address },
                    name: name.clone(),
                    class: interface.name.clone(),
                    is_thumb: is_arm.then_some(address & 1 == 1),
                });
            }
            interface.members.push(name);
        }
        Some(())
    }

    fn variables(&mut self, list: u64, interface: &mut Interface) -> Option<()> {
        let (size, count) = (self.image.u32(list)?, self.image.u32(list.wrapping_add(4))?);
        let each = if self.is_wide { 32 } else { 20 };
        for n in 0..self.members(list, size, count, each)? {
            self.image.allowance.entry()?;
            let at = list.wrapping_add(8).wrapping_add(n.wrapping_mul(each));
            if let Some(name) = self.field(at, 1).and_then(|name| self.name(name)) {
                interface.members.push(name);
            }
        }
        Some(())
    }
}
