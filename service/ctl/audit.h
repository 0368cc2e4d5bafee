/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_CTL_AUDIT_H
#define SERVICE_CTL_AUDIT_H

#include <stdbool.h>

/* May a file of a package be written under this path? What the service says must not leave the
 * folder: relative, letters, digits and . _ - % : / only, no part that is empty or begins with a
 * stop. */
bool audit_path_valid(const char *path);

#endif
