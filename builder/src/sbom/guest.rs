//! Reads the software of a *guest*.

use std::sync::Arc;

use super::database::{list_unread, read_databases};
use super::elf::find_architecture;
use super::error::{FileProblem, InventoryError};
use super::inventory::{Inventory, PackageList};
use super::system::{FoundSystem, find_systems};
use crate::disk::ReadAt;
use crate::disk::guest::open_any;

/// Reads what is installed in the guest of a disk, whose file is in whatever format.
pub fn read_disk_inventory(file: Arc<dyn ReadAt + '_>) -> Result<Inventory, InventoryError> {
    let (_, guest) = open_any(file)?;
    read_inventory(&*guest)
}

/// Reads what is installed in a guest, whose disk is given as its virtual machine sees it (see
/// [`disk::guest`](crate::disk::guest)). Only what is needed is read: tables of file systems, directories on
/// the way, and the databases of package managers.
pub fn read_inventory(disk: &dyn ReadAt) -> Result<Inventory, InventoryError> {
    let found = find_systems(disk)?;
    let mut inventories = Vec::new();
    for system in &found.systems {
        inventories.push(read_system(system)?);
    }
    // A system without packages may be there to rescue another, or be a container.
    let chosen = inventories.iter().position(|it| !it.packages.is_empty()).unwrap_or(0);
    if inventories.is_empty() {
        let all = found.others.into_iter().map(|it| it.note.unwrap_or(it.name));
        return Err(InventoryError::NoSystem(all.collect::<Vec<_>>().join("; ")));
    }
    let mut inventory = inventories.swap_remove(chosen);
    let other = |it: &Inventory| format!("{} has another system: {}", it.volume, it.summary());
    inventory.notes.extend(inventories.iter().map(other));
    inventory.notes.extend(found.others.into_iter().filter_map(|it| it.note));
    inventory.notes.sort();
    Ok(inventory)
}

fn read_system(found: &FoundSystem<'_>) -> Result<Inventory, InventoryError> {
    let FoundSystem { tree, system, volume } = found;
    let mut packages = PackageList::default();
    let databases = read_databases(tree, &mut packages)?;
    let wrong = |problem: FileProblem| problem.in_file("/");
    let architecture = find_architecture(tree).map_err(wrong)?;
    let mut notes = tree.notes();
    notes.extend(list_unread(tree).map_err(|fault| wrong(fault.into()))?);
    if databases.is_empty() {
        notes.push("it has no database of a package manager that is read".into());
        let has_state = tree.has_entries("/var/lib").map_err(|fault| wrong(fault.into()))?;
        if !has_state {
            notes.push("its `/var` is on another volume, which is not looked into".into());
        }
    }
    Ok(Inventory {
        system: system.clone(),
        architecture,
        volume: volume.clone(),
        databases,
        packages: packages.finish(),
        notes,
    })
}
