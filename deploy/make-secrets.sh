#!/bin/sh
# Makes the secrets of compose.yaml, once: sudo ./make-secrets.sh [FOLDER]    (FOLDER: secrets, beside this file)
# Each file belongs to the account of the container that reads it, and only that account can. What is there already stays.
set -eu
folder=${1:-$(dirname "$0")/secrets}
umask 077
mkdir -p "$folder"
chmod 711 "$folder"

fresh() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

keep() { # NAME OWNER, the value on standard input
    if [ -e "$folder/$1" ]; then
        echo "$folder/$1 is there already and stays" >&2
        cat >/dev/null
        return
    fi
    cat >"$folder/$1.new"
    chown "$2" "$folder/$1.new"
    chmod 400 "$folder/$1.new"
    mv "$folder/$1.new" "$folder/$1"
}

fresh | keep postgres_password 999:999
fresh | keep harvester_password 999:999
fresh | keep grafana_password 472:0
printf 'postgres:5432:harvester:harvester:%s\n' "$(cat "$folder/harvester_password")" | keep harvester_pgpass 10001:10001
