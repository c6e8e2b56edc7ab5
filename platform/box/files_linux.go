package box

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// Rights on files, as Landlock has them.
const (
	readFile  = landlock.AccessFSSet(ll.AccessFSReadFile)
	writeFile = readFile | ll.AccessFSWriteFile | ll.AccessFSTruncate
	readDir   = readFile | ll.AccessFSReadDir
	writeDir  = readDir | writeFile | ll.AccessFSMakeReg | ll.AccessFSRemoveFile
	execute   = readFile | ll.AccessFSExecute
)

// libraries are where programs find theirs: everything that every user may read, and no secret. Beside them, lib beside
// the program's own folder.
func libraries(program string) []string {
	folder := filepath.Dir(program)
	return []string{
		"/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/nix/store",
		filepath.Join(folder, "../lib"), filepath.Join(folder, "../lib64"),
	}
}

// restrictFiles leaves this thread, and what it becomes, only the files of s. With newer kernels, it also leaves it no
// TCP, and neither signals nor abstract sockets to processes outside of the box.
func (s spec) restrictFiles(p *program) error {
	resolved, err := filepath.EvalSymlinks(p.path)
	if err != nil {
		return err
	}
	rules := []landlock.Rule{
		landlock.PathAccess(execute, resolved).IgnoreIfMissing(),
		// The loader of the libraries is executed; they themselves are only read.
		landlock.PathAccess(execute|readDir, libraries(resolved)...).IgnoreIfMissing(),
		landlock.PathAccess(readFile, "/etc/ld.so.cache", "/dev/urandom").IgnoreIfMissing(),
		landlock.PathAccess(readFile|ll.AccessFSWriteFile, "/dev/null").IgnoreIfMissing(),
	}
	if p.wrapper {
		programs := landlock.PathAccess(execute|readDir, "/bin", "/usr/bin", "/usr/local/bin").IgnoreIfMissing()
		rules = append(rules, programs)
	}
	for _, path := range decoded(s.Read) {
		rules = append(rules, access(path, readFile, readDir))
	}
	for _, path := range decoded(s.Write) {
		rules = append(rules, access(path, writeFile, writeDir))
	}
	return landlocked(rules...)
}

// access gives a file or a folder its rights. What does not exist gets none.
func access(path string, file, folder landlock.AccessFSSet) landlock.FSRule {
	rights := file
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		rights = folder
	}
	return landlock.PathAccess(rights, path).IgnoreIfMissing()
}

// landlocked restricts this thread to rules.
func landlocked(rules ...landlock.Rule) error {
	ruleset, flags, err := landlock.V11.BestEffort().NewRulesetFD(rules...)
	if err != nil {
		return fmt.Errorf("describe the files of the run: %w", err)
	}
	if ruleset < 0 {
		return errors.New("the kernel has no Landlock (Linux 5.13 has, if it is enabled)")
	}
	if err := ll.LandlockRestrictSelf(ruleset, flags); err != nil {
		return fmt.Errorf("restrict files: %w", err)
	}
	return nil
}
