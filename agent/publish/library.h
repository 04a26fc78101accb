/*
 * A content laid out in a content library as a Windows distribution point has it (SCCMContentLib;
 * source/library_read.h, configmgr-facts 5.3), so that other tools read it too: INI files in ASCII
 * with CRLF, names and digests in upper case.
 *
 *     .nearpoint-building/     what is not laid out yet; only while somebody writes
 *     FileLib/<4 hex>/<HASH>, then <HASH>.INI
 *     DataLib/<content ID>.<version>/, then its .INI, then PkgLib/<content ID>.INI
 *
 * In that order, each by one rename: the content is there when its INI is. Before another tree
 * takes the place of one, both INIs take the content out of sight. What only a replaced version
 * used stays in FileLib: a Windows distribution point may count on it.
 *
 * Our own choices, where the form is not known: the PkgLib INI is named by the content ID; a
 * FileLib INI has a section a content, [<content ID>.<version>]; Attributes is 20 (archive); no
 * .SIG file.
 *
 * The folder is locked (flock) meanwhile. System calls: those of tree, pool and library_read,
 * renameat2, unlinkat, flock, syncfs.
 */
#ifndef AGENT_PUBLISH_LIBRARY_H
#define AGENT_PUBLISH_LIBRARY_H

#include "agent/publish/publication.h"

/* `folder` is the library, or holds it as SCCMContentLib; it is made where its parent is there. A
   file that FileLib has already is hashed and, where it is wrong, replaced. A file of the input
   that does not have the digest it is said to have is code HASH, another writer BUSY, a name that
   differs from one there by case OTHER_CASE, the same version with other bytes OTHER_BYTES, one
   that cannot be read LIBRARY; the last two `replace` allows. On false the path may be set all the
   same, and files that were right may have come to FileLib. */
bool library_lay_out(const struct publication *what, const char *folder, struct laid_out *laid_out,
                     struct error *err);

#endif
