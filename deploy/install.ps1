# Installs a release of backup-check after verifying its checksum:
#
#   irm https://github.com/ORG/backup-check/releases/latest/download/install.ps1 | iex
#
# BACKUP_CHECK_VERSION is the release (default: latest), BACKUP_CHECK_TO the folder (default: %LOCALAPPDATA%\backup-check),
# BACKUP_CHECK_RELEASES the address of the releases, for a mirror. Windows on ARM runs the x64 program.

function Install-BackupCheck {
    $ErrorActionPreference = 'Stop'
    # The progress bar slows Invoke-WebRequest down in PowerShell 5.
    $ProgressPreference = 'SilentlyContinue'
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12

    $version = if ($env:BACKUP_CHECK_VERSION) { $env:BACKUP_CHECK_VERSION } else { 'latest' }
    if ($version -cnotmatch '^(latest|v[0-9A-Za-z.+-]+)$') { throw 'version must be latest or a tag such as v1.2.3' }
    $to = if ($env:BACKUP_CHECK_TO) { $env:BACKUP_CHECK_TO } else { Join-Path $env:LOCALAPPDATA 'backup-check' }
    $releases = if ($env:BACKUP_CHECK_RELEASES) { $env:BACKUP_CHECK_RELEASES } else { 'https://github.com/ORG/backup-check/releases' }
    $source = if ($version -eq 'latest') { "$releases/latest/download" } else { "$releases/download/$version" }

    $name = 'backup-check-x86_64-pc-windows-msvc'
    $folder = Join-Path ([IO.Path]::GetTempPath()) ([Guid]::NewGuid().ToString())
    New-Item -ItemType Directory -Path $folder | Out-Null
    try {
        foreach ($file in "$name.zip", 'SHA256SUMS') {
            Invoke-WebRequest -UseBasicParsing -Uri "$source/$file" -OutFile (Join-Path $folder $file)
        }
        $expected = Get-Content (Join-Path $folder 'SHA256SUMS') |
            ForEach-Object { $digest, $listed = $_ -split ' [ *]', 2; if ($listed -ceq "$name.zip") { $digest } }
        if (-not $expected) { throw "SHA256SUMS of the release does not list $name.zip" }
        $actual = (Get-FileHash -Algorithm SHA256 (Join-Path $folder "$name.zip")).Hash
        if ($actual -ne $expected) { throw "the checksum of $name.zip does not match SHA256SUMS" }
        Expand-Archive -Path (Join-Path $folder "$name.zip") -DestinationPath $folder
        New-Item -ItemType Directory -Force -Path $to | Out-Null
        Copy-Item -Recurse -Force -Path (Join-Path $folder "$name\*") -Destination $to
    } finally {
        Remove-Item -Recurse -Force $folder
    }
    & (Join-Path $to 'backup-check.exe') --version
    Write-Output "installed $(Join-Path $to 'backup-check.exe')"
    if (($env:PATH -split ';') -notcontains $to) { Write-Output "$to is not in PATH" }
    Write-Output "completions: add `". '$(Join-Path $to 'completions\_backup-check.ps1')'`" to `$PROFILE"
}

Install-BackupCheck
