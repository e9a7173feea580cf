class BackupCheck < Formula
  desc "Check whether the cross-account copies of AWS Backup can work"
  homepage "https://github.com/ORG/backup-check"
  version "0.1.0"
  license "Apache-2.0"

  on_macos do
    on_arm do
      url "https://github.com/ORG/backup-check/releases/download/v0.1.0/backup-check-aarch64-apple-darwin.tar.gz"
      sha256 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    end
    on_intel do
      url "https://github.com/ORG/backup-check/releases/download/v0.1.0/backup-check-x86_64-apple-darwin.tar.gz"
      sha256 "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
    end
  end

  on_linux do
    on_arm do
      url "https://github.com/ORG/backup-check/releases/download/v0.1.0/backup-check-aarch64-unknown-linux-musl.tar.gz"
      sha256 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
    end
    on_intel do
      url "https://github.com/ORG/backup-check/releases/download/v0.1.0/backup-check-x86_64-unknown-linux-musl.tar.gz"
      sha256 "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
    end
  end

  def install
    bin.install "backup-check"
    man1.install "backup-check.1"
    bash_completion.install "completions/backup-check.bash" => "backup-check"
    fish_completion.install "completions/backup-check.fish"
    zsh_completion.install "completions/_backup-check"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/backup-check --version")
  end
end
