#!/usr/bin/env bash
# Make the system packages available that pip cannot bring: `system-packages.sh gl` (headless OpenGL), `fonts` (for labels in
# scripts that DejaVu Sans lacks), `browser`, `postgres` and `slurm` (Chromium, Postgres and SLURM for the tests).
# As root on Debian or Ubuntu it installs what is missing; elsewhere it says exactly what to install.
# Exit status: 0 there, 1 missing. Answers in milliseconds when nothing is missing.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
export PATH="$PATH:/sbin:/usr/sbin"

# Not `grep -q`: it would close the pipe early, and pipefail would call that a failure.
have_library() { ldconfig -p 2>/dev/null | grep -F "$1" >/dev/null; }

have_egl() { have_library libEGL.so.1 && have_library libGL.so.1; }

have_osmesa() { have_library libOSMesa.so; }

have_browser() {
    local name
    for name in chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable; do
        # Ubuntu's chromium-browser may be a stub that only asks for a snap: it must really start.
        if command -v "$name" >/dev/null && "$name" --version >/dev/null 2>&1; then return 0; fi
    done
    compgen -G "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}/chromium*" >/dev/null
}

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

again() { "$@" || { echo "again: $*" >&2; sleep 5; "$@"; }; }

install() {
    again apt-get update -qq
    local name available=()
    for name in "$@"; do
        if apt-cache show "$name" >/dev/null 2>&1; then available+=("$name"); fi
    done
    [ "${#available[@]}" -gt 0 ] || return 1
    again apt-get install -y -qq --no-install-recommends "${available[@]}" >/dev/null
}

gl() {
    if [ "$(uname)" = Darwin ]; then return 0; fi # macOS renders with its own OpenGL
    if have_egl && { have_osmesa || ! can_install; }; then return 0; fi
    if can_install; then
        echo "Installing headless OpenGL: libegl1 libgl1 libosmesa6"
        install libegl1 libgl1 libosmesa6 || true
    fi
    if have_egl || have_osmesa; then return 0; fi
    cat >&2 <<'HELP'
Headless OpenGL is missing: collecting data and fine-tuning need it (browsing a trained checkpoint does not). Install it, then run make again:
  Debian, Ubuntu:  sudo apt-get install -y --no-install-recommends libegl1 libgl1 libosmesa6
  Fedora:          sudo dnf install -y libglvnd-egl libglvnd-opengl libglvnd-glx mesa-libEGL mesa-libOSMesa
HELP
    return 1
}

have_font() { # whether a font file of such a name lies where matplotlib looks
    local folder
    for folder in ${FONT_FOLDERS:-/usr/share/fonts /usr/local/share/fonts "$HOME/.local/share/fonts" "$HOME/.fonts"}; do
        [ -d "$folder" ] || continue
        [ -z "$(find -L "$folder" -iname "$1" -print -quit)" ] || return 0
    done
    return 1
}

have_fonts() {
    have_font 'NotoSansDevanagari*' || return 1
    have_font 'DroidSansFallback*' || have_font 'NotoSansCJK*' || have_font 'wqy-*' || have_font 'SourceHanSans*'
}

fonts() {
    if [ "$(uname)" = Darwin ]; then return 0; fi # macOS has fonts for every script
    if have_fonts; then return 0; fi
    if can_install; then
        echo "Installing fonts for labels in other scripts: fonts-noto-core fonts-wqy-microhei"
        install fonts-noto-core fonts-wqy-microhei || true
    fi
    if have_fonts; then return 0; fi
    cat >&2 <<'HELP'
Figures and films spell labels in Chinese, Hindi and other scripts, for want of fonts. To have them drawn:
  Debian, Ubuntu:  sudo apt-get install -y --no-install-recommends fonts-noto-core fonts-wqy-microhei
  Fedora:          sudo dnf install -y google-noto-sans-fonts google-noto-sans-devanagari-fonts google-noto-sans-cjk-fonts
HELP
    return 1
}

browser() {
    if have_browser; then return 0; fi
    if can_install; then
        echo "Installing Chromium for the browser tests"
        install chromium-headless-shell || true # Debian's: draws the same in less processor time, and without what a screen needs
        have_browser || install chromium || true
        have_browser || again .venv/bin/playwright install --with-deps chromium || true
    fi
    if have_browser; then return 0; fi
    cat >&2 <<'HELP'
The browser tests need Chromium. Install it, then run make again:
  Debian:          sudo apt-get install -y --no-install-recommends chromium-headless-shell
  elsewhere:       .venv/bin/playwright install --with-deps chromium
HELP
    return 1
}

have_postgres() { compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || command -v initdb >/dev/null; }

postgres() {
    if have_postgres; then return 0; fi
    if can_install; then
        echo "Installing Postgres for the tests"
        install postgresql || true
    fi
    if have_postgres; then return 0; fi
    cat >&2 <<'HELP'
Tests on Postgres are left out. To have them run:
  Debian, Ubuntu:  sudo apt-get install -y --no-install-recommends postgresql
HELP
    return 1
}

have_slurm() { command -v munged slurmctld slurmd sbatch >/dev/null; }

slurm() {
    if have_slurm; then return 0; fi
    if can_install; then
        echo "Installing SLURM for the long tests: slurm-wlm munge"
        install slurm-wlm munge || true
    fi
    if have_slurm; then return 0; fi
    cat >&2 <<'HELP'
Long tests of pilots on a real SLURM are left out. To have them run, as root:
  Debian, Ubuntu:  sudo apt-get install -y --no-install-recommends slurm-wlm munge
HELP
    return 1
}

case "${1:-}" in
gl) gl ;;
fonts) fonts ;;
browser) browser ;;
postgres) postgres ;;
slurm) slurm ;;
*)
    echo "usage: $0 gl|fonts|browser|postgres|slurm" >&2
    exit 2
    ;;
esac
