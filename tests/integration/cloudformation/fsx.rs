//! FSx.

use super::*;
use Status::{Fail, Pass, Unknown};

#[test]
fn fsx_backs_up_the_volumes_of_ontap_that_can_be_written_to() {
    let volume = |id: &str, ontap: &str| {
        format!(
            "{id}:
  Type: AWS::FSx::Volume
  Properties:
    Name: data
    VolumeType: ONTAP
    OntapConfiguration: {{{ontap}}}
    Tags: [{{Key: backup, Value: enabled}}]
"
        )
    };
    let snaplock = "SnaplockConfiguration: {SnaplockType: COMPLIANCE}";
    let volumes = [
        volume("Plain", "SizeInMegabytes: 1024"),
        volume("Mirror", "OntapVolumeType: DP"),
        volume("Worm", snaplock),
        volume("Group", &format!("{snaplock}, VolumeStyle: FLEXGROUP")),
        volume("Open", "OntapVolumeType: !ImportValue Type"),
    ];
    let report = judge(&read(&of(&volumes.concat()), Some("eu-west-1"), &[]).snapshot);
    let rule = "cross-account-copy-supported";
    expect(
        &report,
        &[
            ("Plain", rule, Pass, ""),
            ("Mirror", rule, Fail, "data protection"),
            ("Worm", rule, Pass, ""),
            ("Group", rule, Fail, "SnapLock FlexGroup"),
            ("Open", rule, Unknown, ""),
        ],
    );
}

#[test]
fn fsx_copies_no_backups_of_openzfs_with_intelligent_tiering() {
    let file_system = |id: &str, properties: &str| {
        format!(
            "{id}:
  Type: AWS::FSx::FileSystem
  Properties:
    FileSystemType: OPENZFS
    {properties}
    Tags: [{{Key: backup, Value: enabled}}]
"
        )
    };
    let file_systems = [
        file_system("Plain", "StorageCapacity: 64"),
        file_system("Tiered", "StorageType: INTELLIGENT_TIERING"),
        file_system("Restored", "BackupId: backup-0a"),
        file_system("Open", "StorageType: !ImportValue Type"),
    ];
    let report = judge(&read(&of(&file_systems.concat()), Some("eu-west-1"), &[]).snapshot);
    let rule = "cross-account-copy-supported";
    expect(
        &report,
        &[
            ("Plain", rule, Pass, ""),
            ("Tiered", rule, Fail, "Intelligent-Tiering"),
            ("Restored", rule, Unknown, "depends on its backup"),
            ("Open", rule, Unknown, ""),
        ],
    );
}
