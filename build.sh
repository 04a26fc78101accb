set -e
F="-I. -D_GNU_SOURCE -DNEARPOINT_VERSION=\"x\" -std=c11 -g -O2 -pthread -Wall -Wextra $(pkg-config --cflags libxml-2.0 jansson)"
mkdir -p o
for f in $(ls policy/*.c policy/*/*.c agent/machine/*.c); do o=o/$(echo $f|tr / _).o; [ $o -nt $f ] || echo "gcc $F -c $f -o $o"; done | xargs -P2 -I{} sh -c '{}'
gcc $F -fsanitize=address,undefined -o drive drive.c stub.c tests/unit/oracle.c tests/unit/oracle_match.c tests/unit/oracle_cases.c o/*.o $(pkg-config --libs libcurl libcares jansson libxml-2.0 libcrypto zlib) -lcmocka
gcc $F -o drivef drive.c stub.c tests/unit/oracle.c tests/unit/oracle_match.c tests/unit/oracle_cases.c o/*.o $(pkg-config --libs libcurl libcares jansson libxml-2.0 libcrypto zlib) -lcmocka
